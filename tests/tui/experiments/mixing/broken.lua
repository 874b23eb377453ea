local assay = require "assay"
return assay.experiment {
    name = "broken"
    title = "no comma above"
}
