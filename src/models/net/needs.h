/* What the engine was compiled for, as data, which can be read on any processor. Private. */
#ifndef ASSAY_MODELS_NET_NEEDS_H
#define ASSAY_MODELS_NET_NEEDS_H

enum {
    ASSAY_NEEDS_AVX = 1 << 0,
    ASSAY_NEEDS_AVX2 = 1 << 1,
    ASSAY_NEEDS_FMA = 1 << 2,
    ASSAY_NEEDS_BMI2 = 1 << 3,
    ASSAY_NEEDS_AVX512F = 1 << 4,
    ASSAY_NEEDS_AVX512VL = 1 << 5,
    ASSAY_NEEDS_AVX512DQ = 1 << 6,
    ASSAY_NEEDS_AVX512BW = 1 << 7
};

extern const unsigned assay_net_needs;

#endif
