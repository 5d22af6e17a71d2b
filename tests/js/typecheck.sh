#!/usr/bin/env bash
# Checks the JSDoc types of the page's modules with TypeScript, which it installs next to this file.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v node > /dev/null || ! command -v npm > /dev/null; then
  echo "type check of the page's JavaScript: skipped, node and npm are missing"
  exit 0
fi
version="$(node -p 'require("./package.json").devDependencies.typescript')"
installed="$(node -p 'require("./node_modules/typescript/package.json").version' 2> /dev/null || true)"
if [ "$installed" != "$version" ]; then
  npm install --silent --no-audit --no-fund --no-package-lock --prefer-offline
fi
node_modules/.bin/tsc --project tsconfig.json
echo "type check of the page's JavaScript: no errors"
