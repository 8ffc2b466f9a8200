#ifndef CLV_IO_CONFIG_YAML_H
#define CLV_IO_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "comm/status.h"

typedef enum clv_yaml_kind { CLV_YAML_SCALAR, CLV_YAML_LIST, CLV_YAML_MAP } clv_yaml_kind;

/** A small YAML document as a tree that remembers where everything stood. */
typedef struct clv_yaml clv_yaml;
struct clv_yaml {
  clv_yaml_kind kind;
  bool          is_quoted;
  size_t        line, column; /* from 1; line 0: the text was no file (--set, a default) */
  const char   *source;       /* borrowed: file name, or what to say instead */
  char         *text;         /* owned; scalars: no NUL inside */
  clv_yaml    **item;         /* owned [n]; list: the items; map: key, value, key, value */
  size_t        n;
};

typedef struct clv_yaml_source {
  const char *name;    /* outlives the tree */
  bool        is_file; /* false: errors name no line */
  const char *text;    /* [length] UTF-8 */
  size_t      length;
} clv_yaml_source;

/** Longest document, deepest nesting and most keys of one map that are read. */
#define CLV_YAML_BYTES_MAX ((size_t)1 << 20)
#define CLV_YAML_DEPTH_MAX 16
#define CLV_YAML_KEYS_MAX 512

/** Parse one document. Not collective. Refused with CLV_EUSAGE and the place: what is not YAML, anchors and
 * aliases, tags, a second document, a key twice, keys that are no plain text, anything beyond the bounds
 * above.
 *  @param[out] out  owned by the caller; an empty document is a null scalar */
clv_status clv_yaml_parse(const clv_yaml_source *source, clv_yaml **out);
void       clv_yaml_free(clv_yaml **self);

/** An unquoted ~, null or nothing at all. Not collective. */
bool clv_yaml_is_null(const clv_yaml *self);
/** Whether the text is well-formed UTF-8 (shortest forms, no surrogates). Not collective. */
bool clv_yaml_is_utf8(const char *text);
/** The value under a key of a map; NULL where there is none. Borrowed. Not collective. */
const clv_yaml *clv_yaml_get(const clv_yaml *map, const char *key);

/** "file:line:column: " or "--set a.b=c: ", as error messages begin. Not collective. */
typedef struct clv_yaml_place {
  char text[512];
} clv_yaml_place;
clv_yaml_place clv_yaml_where(const clv_yaml *self);

#endif
