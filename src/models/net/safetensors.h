/*
 * safetensors files: a 64-bit length, a JSON header of that length (name: dtype, shape, and where
 * the numbers begin and end after the header; "__metadata__": texts by name), then the numbers,
 * little-endian. Read as hostile: nothing in a header is believed before it was checked.
 */
#ifndef ASSAY_MODELS_NET_SAFETENSORS_H
#define ASSAY_MODELS_NET_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

enum { ASSAY_TENSOR_RANK = 8 };

typedef struct assay_stored_tensor {
    char *name;
    char dtype[8]; /* "F32" */
    int rank;      /* 0: one number */
    size_t n[ASSAY_TENSOR_RANK];
    size_t count;              /* numbers */
    const unsigned char *data; /* in the file's bytes, not aligned */
    size_t size;               /* bytes */
} assay_stored_tensor;

typedef struct assay_safetensors {
    assay_stored_tensor *at; /* by place in the file */
    size_t count;
    struct assay_metadata *metadata;
    unsigned char *owned; /* the bytes, when they were read from a file */
} assay_safetensors;

/* Of bytes, which must outlive *out; `what` names them in messages. ASSAY_EFORMAT names the file,
 * the tensor and the offset: a header longer than 16 MiB or than the file, that is not JSON or has
 * a name twice; a shape whose product is not the length; numbers that overlap, leave a hole, or lie
 * beyond the end. *out is set in any case. */
int assay_safetensors_parse(
    const void *bytes, size_t size, const char *what, assay_safetensors *out);
/* The same of a file. */
int assay_safetensors_read(const char *path, assay_safetensors *out);
void assay_safetensors_free(assay_safetensors *tensors);

/* NULL when it isn't there. */
const assay_stored_tensor *assay_safetensors_find(
    const assay_safetensors *tensors, const char *name);
const char *assay_safetensors_metadata(const assay_safetensors *tensors, const char *key);

/* The floats of a tensor of this very shape. ASSAY_EFORMAT: it is not there, of another type, or of
 * another shape. */
int assay_safetensors_floats(const assay_safetensors *tensors, const char *what, const char *name,
    int rank, const size_t *n, float *to);

/* What makes a model of a file's tensors; `what` names them in messages. */
typedef int assay_safetensors_reader(
    const assay_safetensors *tensors, const char *what, void *model);
int assay_safetensors_decode(const void *bytes, size_t size, const char *what,
    assay_safetensors_reader *reader, void *model);
int assay_safetensors_load(const char *path, assay_safetensors_reader *reader, void *model);

/* What is to be written: floats. */
typedef struct assay_tensor_source {
    const char *name;
    int rank;
    const size_t *n;
    const float *data;
} assay_tensor_source;

typedef struct assay_metadata_source {
    const char *key, *value;
} assay_metadata_source;

/* The bytes of a file; free them. */
int assay_safetensors_encode(const assay_tensor_source *tensors, size_t n_tensors,
    const assay_metadata_source *metadata, size_t n_metadata, unsigned char **bytes, size_t *size);

/* Write bytes to a file that is there whole or not at all. */
int assay_safetensors_write(const char *path, const void *bytes, size_t size);

#endif
