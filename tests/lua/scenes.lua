-- Scenes of Fashion-MNIST items: boxes are where pixels are, scenes are their stream's, refusals.
local tap = require "tap"
local assay = require "assay"

if not pcall(assay.data.load, "fashion-mnist", { split = "test", count = 1 }) then
    print "1..0 # SKIP Fashion-MNIST is not here (apt-get install dataset-fashion-mnist)"
    os.exit(0)
end

local function scenes(options)
    options.split, options.pool = "test", 500
    options.rng = options.rng or assay.rng(4)
    return assay.data.fashion_scenes(options)
end

local function iou(a, b)
    return assay.balance.box_iou({ a }, { b })[1][1]
end

local s = scenes { images = 200 }
tap.is({ #s.images, #s.images[1], #s.boxes, #s.labels }, { 200, 64 * 64, 200, 200 }, "200 scenes of 64 x 64")
local wrong, close, counts, classes, sides = 0, 0, {}, {}, {}
for i = 1, 200 do
    local boxes = s.boxes[i]
    counts[#boxes] = (counts[#boxes] or 0) + 1
    for k, box in ipairs(boxes) do
        local class = s.labels[i][k]
        classes[class] = true
        local w, h = box[3] - box[1], box[4] - box[2]
        sides[#sides + 1] = math.max(w, h)
        if box[1] < 0 or box[2] < 0 or box[3] > 64 or box[4] > 64 or w < 1 or h < 1 or w > 28 or h > 28 or class < 1 or class > 10 then
            wrong = wrong + 1
        end
        for other = 1, k - 1 do
            close = close + (iou(box, boxes[other]) > 0.1 and 1 or 0)
        end
    end
end
table.sort(sides)
tap.is({ wrong, close, counts[0], counts[4] }, { 0, 0, nil, nil }, "boxes lie inside, apart, 1 to 3 of them")
tap.ok(counts[1] > 40 and counts[2] > 40 and counts[3] > 40 and #classes == 10, "as many of each number, and all classes", tap.show(counts))
tap.ok(sides[1] <= 15 and sides[#sides] >= 27, "small and large ones", sides[1], sides[#sides])

-- without noise and clutter nothing is outside the boxes, and each side of a box is touched
local bare = scenes { images = 50, noise = 0, clutter = 0, items = 2, size = 48 }
local outside, loose = 0, 0
for i = 1, 50 do
    local touched = {}
    for y = 1, 48 do
        for x = 1, 48 do
            local value, within = bare.images[i][(y - 1) * 48 + x], false
            for k, box in ipairs(bare.boxes[i]) do
                if x > box[1] and x <= box[3] and y > box[2] and y <= box[4] then
                    within = true
                    touched[k] = touched[k] or {}
                    local t = touched[k]
                    if value > 0.1 then
                        t.left, t.right = t.left or x == box[1] + 1, t.right or x == box[3]
                        t.top, t.bottom = t.top or y == box[2] + 1, t.bottom or y == box[4]
                    end
                end
            end
            outside = outside + ((value > 0 and not within) and 1 or 0)
        end
    end
    for _, t in pairs(touched) do
        loose = loose + ((t.left and t.right and t.top and t.bottom) and 0 or 1)
    end
end
tap.is({ outside, loose }, { 0, 0 }, "boxes are tight")

local few = scenes { images = 3 }
tap.ok(tap.same(few.images[3]:totable(), s.images[3]:totable()) and tap.same(few.boxes[3], s.boxes[3]), "scene 3 is the stream's third")
local two = scenes { images = 60, classes = 2, items = 1, size = 32 }
local high, most = 0, 0
for i = 1, 60 do
    most = math.max(most, #two.boxes[i])
    high = math.max(high, two.labels[i][1])
end
tap.is({ most, high }, { 1, 2 }, "one object, of two classes")
tap.ok(not tap.same(scenes { images = 1, rng = assay.rng(5) }.images[1]:totable(), s.images[1]:totable()), "another stream, other scenes")

tap.error("fashion_scenes: images, how many, must be given", function() assay.data.fashion_scenes { rng = assay.rng(1) } end)
tap.error("fashion_scenes: size must be in 28 (largest)..4096, got 20", function() scenes { images = 1, size = 20 } end)
tap.error("fashion_scenes: smallest must be in 2..28 (largest), got 30", function() scenes { images = 1, smallest = 30 } end)
tap.error("fashion_scenes: classes must be in 1..10, got 11", function() scenes { images = 1, classes = 11 } end)
tap.error("unknown option \"colour\"", function() scenes { images = 1, colour = 3 } end)

tap.done()
