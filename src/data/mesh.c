/*
 * Meshes. A file is read into memory whole, behind it a NUL, and parsed by one cursor: the formats
 * are texts that need it all, and what is parsed is larger than the text.
 */
#include "data/mesh.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/status.h"
#include "data/input.h"
#include "data/swap.h"

struct reader {
    const char *path;
    char *bytes;
    const char *at, *end;
    size_t line; /* 0 in binary parts */
    const assay_progress *progress;
    size_t steps;
    assay_mesh mesh;
    size_t vertex_room, face_room;
};

__attribute__((format(printf, 2, 3))) static int refuse(
    const struct reader *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (r->line == 0)
        return assay_fail(ASSAY_EFORMAT, "%s: byte %td: %s", r->path, r->at - r->bytes, text);
    return assay_fail(ASSAY_EFORMAT, "%s:%zu: %s", r->path, r->line, text);
}

/* Once a vertex or a corner. */
static int tell(struct reader *r)
{
    if (++r->steps % 16384 != 0)
        return ASSAY_OK;
    return assay_progress_report(
        r->progress, (double)(r->at - r->bytes), (double)(r->end - r->bytes));
}

/* ------------------------------------------------------------------ words of a line */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* At the end of a line, or where its comment begins. */
static bool at_line_end(struct reader *r)
{
    while (r->at < r->end && is_blank(*r->at))
        r->at++;
    return r->at == r->end || *r->at == '\n' || *r->at == '#';
}

static void next_line(struct reader *r)
{
    const char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));
    r->at = end ? end + 1 : r->end;
    r->line += end != NULL;
}

/* To the next line that holds a word; false at the end. */
static bool find_word(struct reader *r)
{
    while (at_line_end(r)) {
        if (r->at == r->end)
            return false;
        next_line(r);
    }
    return true;
}

static size_t word_length(const struct reader *r)
{
    size_t length = 0;
    while (r->at + length < r->end && !is_blank(r->at[length]) && r->at[length] != '\n')
        length++;
    return length;
}

static bool take_word(struct reader *r, const char *word)
{
    if (at_line_end(r) || word_length(r) != strlen(word) || memcmp(r->at, word, strlen(word)) != 0)
        return false;
    r->at += strlen(word);
    return true;
}

static int take_number(struct reader *r, const char *what, double *x)
{
    if (at_line_end(r))
        return refuse(r, "%s is missing", what);
    char *end;
    size_t length = word_length(r);
    *x = strtod(r->at, &end);
    if (end != r->at + length || !isfinite(*x))
        return refuse(r, "%s must be a finite number, got \"%.*s\"", what,
            (int)(length < 40 ? length : 40), r->at);
    r->at = end;
    return ASSAY_OK;
}

/* A whole number >= 0. */
static int take_count(struct reader *r, const char *what, size_t *count)
{
    if (at_line_end(r))
        return refuse(r, "%s is missing", what);
    size_t length = word_length(r), digits = strspn(r->at, "0123456789");
    if (digits == 0 || digits != length || digits > 18)
        return refuse(r, "%s must be a whole number >= 0, got \"%.*s\"", what,
            (int)(length < 40 ? length : 40), r->at);
    *count = (size_t)strtoull(r->at, NULL, 10);
    r->at += length;
    return ASSAY_OK;
}

/* ------------------------------------------------------------------ what a mesh grows by */

static int grow(struct reader *r, void **memory, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room)
        return ASSAY_OK;
    size_t wanted = *room ? 2 * *room : 1024;
    void *grown = realloc(*memory, wanted * size);
    if (!grown)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", r->path);
    *memory = grown;
    *room = wanted;
    return ASSAY_OK;
}

static int add_vertex(struct reader *r, const double *xyz)
{
    void *memory = r->mesh.xyz;
    int status = grow(r, &memory, &r->vertex_room, r->mesh.vertices + 1, 3 * sizeof(double));
    r->mesh.xyz = memory;
    if (status)
        return status;
    memcpy(r->mesh.xyz + 3 * r->mesh.vertices++, xyz, 3 * sizeof *xyz);
    return tell(r);
}

/* Corner number `i` of a polygon; from the third on each makes a triangle with the first and the
 * one before. */
struct fan {
    size_t first, previous;
};

static int add_corner(struct reader *r, struct fan *fan, size_t i, size_t vertex)
{
    if (i == 0)
        fan->first = vertex;
    if (i >= 2) {
        void *memory = r->mesh.corners;
        int status = grow(r, &memory, &r->face_room, r->mesh.faces + 1, 3 * sizeof(size_t));
        r->mesh.corners = memory;
        if (status)
            return status;
        size_t *corners = r->mesh.corners + 3 * r->mesh.faces++;
        corners[0] = fan->first;
        corners[1] = fan->previous;
        corners[2] = vertex;
    }
    fan->previous = vertex;
    return tell(r);
}

static int take_vertex(struct reader *r)
{
    double xyz[3];
    static const char *const names[] = {"x", "y", "z"};
    for (size_t i = 0; i < 3; i++) {
        int status = take_number(r, names[i], &xyz[i]);
        if (status)
            return status;
    }
    return add_vertex(r, xyz);
}

/* A count that a line each of `least` bytes cannot make up is a lie. */
static int check_count(const struct reader *r, const char *what, size_t count, size_t least)
{
    size_t left = (size_t)(r->end - r->at);
    if (least > 0 && count > (left + 1) / least)
        return refuse(r,
            "the header speaks of %zu %s, more than the %zu bytes that follow can hold", count,
            what, left);
    return ASSAY_OK;
}

/* ------------------------------------------------------------------ OFF */

static int take_off_face(struct reader *r)
{
    size_t n, vertex;
    struct fan fan = {0, 0};
    int status = take_count(r, "the number of corners", &n);
    if (!status && n < 3)
        status = refuse(r, "a face has at least 3 corners, got %zu", n);
    for (size_t i = 0; i < n && !status; i++) {
        status = take_count(r, "a corner", &vertex);
        if (!status && vertex >= r->mesh.vertices)
            status = refuse(r, "corners must be in 0..%zu, got %zu", r->mesh.vertices - 1, vertex);
        if (!status)
            status = add_corner(r, &fan, i, vertex);
    }
    return status;
}

static int take_off_counts(struct reader *r, size_t *vertices, size_t *faces)
{
    size_t edges = 0;
    int status = find_word(r) ? take_count(r, "the number of vertices", vertices)
                              : refuse(r, "the numbers of vertices and faces are missing");
    if (!status)
        status = take_count(r, "the number of faces", faces);
    if (!status && !at_line_end(r))
        status = take_count(r, "the number of edges", &edges);
    if (!status)
        status = check_count(r, "vertices", *vertices, 6);
    return status ? status : check_count(r, "faces", *faces, 8);
}

static int read_off(struct reader *r)
{
    size_t vertices = 0, faces = 0;
    if (!find_word(r) || !(take_word(r, "OFF") || take_word(r, "COFF") || take_word(r, "NOFF"))) {
        /* Some files of ModelNet run the first number into the word. */
        if (strncmp(r->at, "OFF", 3) != 0 || !isdigit((unsigned char)r->at[3]))
            return refuse(r, "this is no OFF file: it must begin with OFF");
        r->at += 3;
    }
    int status = take_off_counts(r, &vertices, &faces);
    for (size_t i = 0; i < vertices + faces && !status; i++) {
        next_line(r);
        if (!find_word(r))
            status = refuse(r, "the file ends at %s %zu of %zu", i < vertices ? "vertex" : "face",
                i < vertices ? i + 1 : i - vertices + 1, i < vertices ? vertices : faces);
        else
            status = i < vertices ? take_vertex(r) : take_off_face(r);
    }
    if (status)
        return status;
    next_line(r);
    return find_word(r) ? refuse(r, "more follows than the header speaks of") : ASSAY_OK;
}

/* ------------------------------------------------------------------ OBJ and XYZ */

/* V, V/T, V//N or V/T/N; V counts from 1, or backwards from -1. */
static int take_obj_corner(struct reader *r, struct fan *fan, size_t i)
{
    size_t length = word_length(r);
    char *end;
    errno = 0;
    long long v = strtoll(r->at, &end, 10);
    bool led = isspace((unsigned char)*r->at); /* strtoll would go on past it, even to other lines */
    if (errno || led || end == r->at || (end != r->at + length && *end != '/') || v == 0)
        return refuse(r, "a corner must be a vertex from 1 on or from -1 back, got \"%.*s\"",
            (int)(length < 40 ? length : 40), r->at);
    long long vertex = v > 0 ? v - 1 : (long long)r->mesh.vertices + v;
    if (vertex < 0)
        return refuse(r, "corner %lld is before the first of %zu vertices", v, r->mesh.vertices);
    r->at += length;
    return add_corner(r, fan, i, (size_t)vertex);
}

static int take_obj_face(struct reader *r)
{
    struct fan fan = {0, 0};
    size_t n = 0;
    int status = ASSAY_OK;
    for (; !status && !at_line_end(r); n++)
        status = take_obj_corner(r, &fan, n);
    return status || n >= 3 ? status : refuse(r, "a face has at least 3 corners, got %zu", n);
}

static int read_obj(struct reader *r)
{
    int status = ASSAY_OK;
    for (; !status && find_word(r); next_line(r))
        if (take_word(r, "v"))
            status = take_vertex(r);
        else if (take_word(r, "f"))
            status = take_obj_face(r);
    for (size_t i = 0; i < 3 * r->mesh.faces && !status; i++)
        if (r->mesh.corners[i] >= r->mesh.vertices) /* faces may stand before their vertices */
            status = refuse(r, "a face has the corner %zu, but there are %zu vertices",
                r->mesh.corners[i] + 1, r->mesh.vertices);
    return status;
}

static int read_xyz(struct reader *r)
{
    int status = ASSAY_OK;
    for (; !status && find_word(r); next_line(r))
        status = take_vertex(r);
    return status;
}

/* ------------------------------------------------------------------ PLY */

enum ply_type { I8, U8, I16, U16, I32, U32, F32, F64, PLY_TYPES };

static const struct {
    const char *name, *other;
    size_t size;
} ply_types[] = {{"char", "int8", 1}, {"uchar", "uint8", 1}, {"short", "int16", 2},
    {"ushort", "uint16", 2}, {"int", "int32", 4}, {"uint", "uint32", 4}, {"float", "float32", 4},
    {"double", "float64", 8}};

/* What becomes of a property. */
enum role { X, Y, Z, CORNERS, NOTHING };

struct property {
    bool is_list;
    enum ply_type length_type, type;
    enum role role;
};

enum { MAX_ELEMENTS = 32, MAX_PROPERTIES = 64 };

struct element {
    char kind; /* 'v', 'f' or 0 */
    size_t count, properties;
    struct property property[MAX_PROPERTIES];
};

struct ply {
    bool ascii, swapped;
    size_t elements;
    struct element element[MAX_ELEMENTS];
};

static int take_type(struct reader *r, enum ply_type *type)
{
    for (size_t i = 0; i < PLY_TYPES; i++)
        if (take_word(r, ply_types[i].name) || take_word(r, ply_types[i].other)) {
            *type = (enum ply_type)i;
            return ASSAY_OK;
        }
    return refuse(
        r, "a property's type must be char, uchar, short, ushort, int, uint, float or double");
}

static enum role role_of(struct reader *r, char kind, bool is_list)
{
    if (kind == 'v' && !is_list)
        return take_word(r, "x") ? X : take_word(r, "y") ? Y : take_word(r, "z") ? Z : NOTHING;
    bool corners = take_word(r, "vertex_indices") || take_word(r, "vertex_index");
    return kind == 'f' && is_list && corners ? CORNERS : NOTHING;
}

static int take_property(struct reader *r, struct ply *ply)
{
    struct element *e = ply->elements ? &ply->element[ply->elements - 1] : NULL;
    if (!e)
        return refuse(r, "a property stands before the first element");
    if (e->properties == MAX_PROPERTIES)
        return refuse(r, "an element has more than %d properties", (int)MAX_PROPERTIES);
    struct property p = {.is_list = take_word(r, "list"), .role = NOTHING};
    int status = p.is_list ? take_type(r, &p.length_type) : ASSAY_OK;
    if (!status && p.is_list && p.length_type >= F32)
        status = refuse(r, "a list's length must be of a whole type");
    if (!status)
        status = take_type(r, &p.type);
    if (status)
        return status;
    p.role = role_of(r, e->kind, p.is_list);
    if (p.role == CORNERS && p.type >= F32)
        return refuse(r, "corners must be of a whole type");
    for (size_t i = 0; i < e->properties; i++)
        if (p.role != NOTHING && e->property[i].role == p.role)
            return refuse(r, "this property is there twice");
    e->property[e->properties++] = p;
    return ASSAY_OK;
}

static int take_element(struct reader *r, struct ply *ply)
{
    if (ply->elements == MAX_ELEMENTS)
        return refuse(r, "more than %d elements", (int)MAX_ELEMENTS);
    struct element *e = &ply->element[ply->elements++];
    *e = (struct element){.kind = take_word(r, "vertex") ? 'v' : take_word(r, "face") ? 'f' : 0};
    if (!e->kind && !at_line_end(r))
        r->at += word_length(r);
    return take_count(r, "the number of elements", &e->count);
}

static int take_format(struct reader *r, struct ply *ply)
{
    ply->ascii = take_word(r, "ascii");
    bool little = !ply->ascii && take_word(r, "binary_little_endian");
    if (!ply->ascii && !little && !take_word(r, "binary_big_endian"))
        return refuse(r, "the format must be ascii, binary_little_endian or binary_big_endian");
    ply->swapped = !ply->ascii && little != assay_is_little_endian();
    return take_word(r, "1.0") ? ASSAY_OK : refuse(r, "the format's version must be 1.0");
}

/* Bytes that an element takes at least: as text a digit and a blank a number. */
static size_t least_size(const struct ply *ply, const struct element *e)
{
    size_t size = 0;
    for (size_t i = 0; i < e->properties; i++) {
        const struct property *p = &e->property[i];
        size += ply->ascii ? 2 : ply_types[p->is_list ? p->length_type : p->type].size;
    }
    return size;
}

static int check_elements(struct reader *r, const struct ply *ply)
{
    for (size_t i = 0; i < ply->elements; i++) {
        const struct element *e = &ply->element[i];
        unsigned roles = 0;
        for (size_t j = 0; j < e->properties; j++)
            roles |= 1u << e->property[j].role;
        if ((e->kind == 'v' && (roles & 7) != 7) || (e->kind == 'f' && !(roles & 8)))
            return refuse(r, e->kind == 'v' ? "vertices must have x, y and z"
                                            : "faces must have a list vertex_indices");
        if (e->properties == 0)
            return refuse(r, "element %zu has no properties", i + 1);
        int status = check_count(r, "elements", e->count, least_size(ply, e));
        if (status)
            return status;
    }
    return ASSAY_OK;
}

static int read_ply_header(struct reader *r, struct ply *ply)
{
    bool has_format = false;
    int status =
        take_word(r, "ply") ? ASSAY_OK : refuse(r, "this is no PLY file: it must begin with ply");
    while (!status) {
        next_line(r);
        if (r->at == r->end)
            return refuse(r, "end_header is missing");
        if (take_word(r, "end_header"))
            break;
        if (take_word(r, "format")) {
            has_format = true;
            status = take_format(r, ply);
        } else if (take_word(r, "element")) {
            status = take_element(r, ply);
        } else if (take_word(r, "property")) {
            status = take_property(r, ply);
        } else if (!take_word(r, "comment") && !take_word(r, "obj_info") && !at_line_end(r)) {
            status = refuse(r, "must be format, element, property, comment or end_header");
        }
    }
    if (!status && !has_format)
        status = refuse(r, "the format is missing");
    if (status)
        return status;
    next_line(r);
    return check_elements(r, ply);
}

static double value_of(const unsigned char *bytes, enum ply_type type)
{
    union {
        int8_t i8;
        uint8_t u8;
        int16_t i16;
        uint16_t u16;
        int32_t i32;
        uint32_t u32;
        float f32;
        double f64;
    } v = {0};
    memcpy(&v, bytes, ply_types[type].size);
    switch (type) {
    case I8:
        return v.i8;
    case U8:
        return v.u8;
    case I16:
        return v.i16;
    case U16:
        return v.u16;
    case I32:
        return v.i32;
    case U32:
        return v.u32;
    case F32:
        return (double)v.f32;
    default:
        return v.f64;
    }
}

static int take_value(struct reader *r, const struct ply *ply, enum ply_type type, double *x)
{
    unsigned char bytes[8];
    size_t size = ply_types[type].size;
    if (ply->ascii)
        return take_number(r, "a value", x);
    if ((size_t)(r->end - r->at) < size)
        return refuse(r, "the file ends within an element");
    memcpy(bytes, r->at, size);
    if (ply->swapped)
        assay_swap_bytes(bytes, 1, size);
    *x = value_of(bytes, type);
    r->at += size;
    return ASSAY_OK;
}

static int take_list(struct reader *r, const struct ply *ply, const struct property *p)
{
    double length = 0, value;
    struct fan fan = {0, 0};
    int status = take_value(r, ply, p->length_type, &length);
    if (!status && !(length >= (p->role == CORNERS ? 3 : 0) && length == floor(length)))
        status = refuse(r, "a list of %g values; %s", length,
            p->role == CORNERS ? "a face has at least 3 corners" : "it must be a whole number");
    for (size_t i = 0; !status && (double)i < length; i++) {
        status = take_value(r, ply, p->type, &value);
        if (status || p->role != CORNERS)
            continue;
        status = value >= 0 && value < 0x1p52 && value == floor(value)
                     ? add_corner(r, &fan, i, (size_t)value)
                     : refuse(r, "a corner must be a whole number >= 0, got %g", value);
    }
    return status;
}

static int take_properties(struct reader *r, const struct ply *ply, const struct element *e)
{
    double xyz[3] = {0};
    int status = ASSAY_OK;
    for (size_t i = 0; i < e->properties && !status; i++) {
        const struct property *p = &e->property[i];
        double value = 0;
        status = p->is_list ? take_list(r, ply, p) : take_value(r, ply, p->type, &value);
        if (p->role <= Z)
            xyz[p->role] = value;
    }
    if (status || e->kind != 'v')
        return status;
    if (!isfinite(xyz[0]) || !isfinite(xyz[1]) || !isfinite(xyz[2]))
        return refuse(r, "coordinates must be finite, got %g %g %g", xyz[0], xyz[1], xyz[2]);
    return add_vertex(r, xyz);
}

static int read_ply_elements(struct reader *r, const struct ply *ply)
{
    int status = ASSAY_OK;
    if (!ply->ascii)
        r->line = 0;
    for (size_t i = 0; i < ply->elements && !status; i++)
        for (size_t j = 0; j < ply->element[i].count && !status; j++) {
            if (ply->ascii && !find_word(r))
                return refuse(r, "the file ends at %zu of %zu elements", j, ply->element[i].count);
            status = take_properties(r, ply, &ply->element[i]);
            if (!status && ply->ascii && !at_line_end(r))
                status = refuse(r, "more values than the element has properties");
            if (!status && ply->ascii)
                next_line(r);
        }
    for (size_t i = 0; i < 3 * r->mesh.faces && !status; i++)
        if (r->mesh.corners[i] >= r->mesh.vertices)
            status = refuse(r, "a face has the corner %zu, but there are %zu vertices",
                r->mesh.corners[i], r->mesh.vertices);
    bool more = ply->ascii ? find_word(r) : r->at < r->end;
    return !status && more ? refuse(r, "more follows than the header speaks of") : status;
}

static int read_ply(struct reader *r)
{
    struct ply *ply = calloc(1, sizeof *ply);
    if (!ply)
        return assay_fail(ASSAY_ENOMEM, "%s: out of memory", r->path);
    int status = read_ply_header(r, ply);
    if (!status)
        status = read_ply_elements(r, ply);
    free(ply);
    return status;
}

/* ------------------------------------------------------------------ writing */

static void write_points(FILE *file, const char *before, const assay_mesh *mesh)
{
    for (size_t i = 0; i < mesh->vertices; i++)
        fprintf(file, "%s%.17g %.17g %.17g\n", before, mesh->xyz[3 * i], mesh->xyz[3 * i + 1],
            mesh->xyz[3 * i + 2]);
}

static void write_faces(FILE *file, const char *before, size_t base, const assay_mesh *mesh)
{
    for (size_t i = 0; i < mesh->faces; i++)
        fprintf(file, "%s %zu %zu %zu\n", before, mesh->corners[3 * i] + base,
            mesh->corners[3 * i + 1] + base, mesh->corners[3 * i + 2] + base);
}

static void write_off(FILE *file, const assay_mesh *mesh)
{
    fprintf(file, "OFF\n%zu %zu 0\n", mesh->vertices, mesh->faces);
    write_points(file, "", mesh);
    write_faces(file, "3", 0, mesh);
}

static void write_obj(FILE *file, const assay_mesh *mesh)
{
    write_points(file, "v ", mesh);
    write_faces(file, "f", 1, mesh);
}

static void write_ply(FILE *file, const assay_mesh *mesh)
{
    fprintf(file,
        "ply\nformat ascii 1.0\nelement vertex %zu\nproperty double x\nproperty double y\n"
        "property double z\nelement face %zu\nproperty list uchar uint "
        "vertex_indices\nend_header\n",
        mesh->vertices, mesh->faces);
    write_points(file, "", mesh);
    write_faces(file, "3", 0, mesh);
}

static void write_xyz(FILE *file, const assay_mesh *mesh)
{
    write_points(file, "", mesh);
}

/* ------------------------------------------------------------------ formats */

static const struct format {
    const char *end;
    int (*read)(struct reader *r);
    void (*write)(FILE *file, const assay_mesh *mesh);
} formats[] = {{".off", read_off, write_off}, {".obj", read_obj, write_obj},
    {".ply", read_ply, write_ply}, {".xyz", read_xyz, write_xyz}};

static const struct format *format_of(const char *path, bool packed)
{
    size_t length = strlen(path);
    if (packed && length >= 3 && strcasecmp(path + length - 3, ".gz") == 0)
        length -= 3;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (length >= 4 && strncasecmp(path + length - 4, formats[i].end, 4) == 0)
            return &formats[i];
    assay_fail(ASSAY_EINVAL,
        "mesh: a file's name must end in .off, .obj, .ply or .xyz%s, got \"%s\"",
        packed ? ", or in one of them and .gz" : "", path);
    return NULL;
}

static int read_bytes(struct reader *r, const assay_progress *progress)
{
    assay_input *input = NULL;
    size_t size = 0;
    int status = assay_input_open(r->path, progress, &input);
    if (!status)
        status = assay_input_read_rest(input, &r->bytes, &size);
    r->at = r->bytes;
    r->end = size > 0 ? r->bytes + size : r->bytes; /* of what can't be read there are no bytes */
    assay_input_close(input);
    return status;
}

int assay_mesh_read(const char *path, const assay_progress *progress, assay_mesh *out)
{
    assay_progress_stretch reads = {progress, 0, 0.2}, parses = {progress, 0.2, 1};
    const assay_progress reading = assay_progress_of(&reads), parsing = assay_progress_of(&parses);
    const struct format *format = format_of(path, true);
    if (!format)
        return ASSAY_EINVAL;
    struct reader r = {.path = path, .line = 1, .progress = &parsing};
    int status = read_bytes(&r, &reading);
    if (!status)
        status = format->read(&r);
    if (!status && r.mesh.vertices == 0)
        status = assay_fail(ASSAY_EFORMAT, "%s: holds no vertices", path);
    free(r.bytes);
    if (status)
        assay_mesh_free(&r.mesh);
    else
        *out = r.mesh;
    return status;
}

void assay_mesh_free(assay_mesh *mesh)
{
    free(mesh->xyz);
    free(mesh->corners);
    *mesh = (assay_mesh){0};
}

int assay_mesh_write(const char *path, const assay_mesh *mesh)
{
    const struct format *format = format_of(path, false);
    if (!format)
        return ASSAY_EINVAL;
    FILE *file = fopen(path, "w");
    if (!file)
        return assay_fail(ASSAY_EIO, "%s: %s", path, strerror(errno));
    format->write(file, mesh);
    bool bad = ferror(file) != 0;
    if (fclose(file) == 0 && !bad)
        return ASSAY_OK;
    int status = assay_fail(ASSAY_EIO, "%s: cannot write: %s", path, strerror(errno));
    remove(path);
    return status;
}
