-- Record the result of an image. ARGV: id, number, worker, result or "", problem or "".
local id, number, worker = ARGV[1], ARGV[2], ARGV[3]
if not is_held(id, number, worker) then
    return 0
end
finish(id, number, ARGV[4], ARGV[5])
return 1
