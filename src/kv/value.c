/* value.c -- views of values: making them and reading them as text. */
#include "kv/value.h"

#include "base/assert.h"

/* Redis tries only texts up to this long as integers; "-9223372036854775808" is the longest. */
enum { INTEGER_TEXT_BYTES_MAX = 20 };

struct value value_of_text(struct slice text)
{
    int64_t integer = 0;
    if (text.size <= INTEGER_TEXT_BYTES_MAX && number_parse_int64(text, &integer)) {
        return value_of_integer(integer);
    }
    return value_of_bytes(text);
}

struct value value_of_bytes(struct slice bytes)
{
    return (struct value){
        .type = VALUE_TYPE_STRING,
        .encoding =
            bytes.size <= VALUE_EMBSTR_BYTES_MAX ? VALUE_ENCODING_EMBSTR : VALUE_ENCODING_RAW,
        .string = bytes,
    };
}

struct value value_of_integer(int64_t integer)
{
    return (struct value){
        .type = VALUE_TYPE_STRING, .encoding = VALUE_ENCODING_INT, .integer = integer};
}

struct slice value_text(const struct value *value, char scratch[NUMBER_INT64_BYTES])
{
    ASSERT(value->type == VALUE_TYPE_STRING);
    if (value->encoding == VALUE_ENCODING_INT) {
        return slice_of(scratch, number_format_int64(value->integer, scratch));
    }
    return value->string;
}

const char *value_type_name(enum value_type type)
{
#define VALUE_TYPE_NAME_ROW(type, name) name,
    static const char *const names[] = {VALUE_TYPE_TABLE(VALUE_TYPE_NAME_ROW)};
#undef VALUE_TYPE_NAME_ROW
    ASSERT(type < VALUE_TYPE_COUNT);
    return names[type];
}

const char *value_encoding_name(enum value_encoding encoding)
{
#define VALUE_ENCODING_NAME_ROW(encoding, name) name,
    static const char *const names[] = {VALUE_ENCODING_TABLE(VALUE_ENCODING_NAME_ROW)};
#undef VALUE_ENCODING_NAME_ROW
    ASSERT(encoding < VALUE_ENCODING_COUNT);
    return names[encoding];
}
