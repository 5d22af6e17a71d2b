-- Record the result of an image. ARGV: id, number, message id, result or "", problem or "".
local id, number, message = ARGV[1], ARGV[2], ARGV[3]
if not is_held(id, number, message) then
    return 0
end
finish(id, number, ARGV[4], ARGV[5])
return 1
