-- assay.attempt(f, ...): what f returns, or nil and why it failed, where a failure is a result of its own
-- (a sampler that diverges). A call that was cancelled, or interrupted with its cell, still ends it.
local function passed(done, ...)
    if done then
        return ...
    end
    local message = ...
    if string.find(tostring(message), "cancelled", 1, true) then
        error(message, 0)
    end
    return nil, message
end

return function(f, ...)
    return passed(pcall(f, ...))
end
