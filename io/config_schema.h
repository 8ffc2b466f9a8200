#ifndef CLV_IO_CONFIG_SCHEMA_H
#define CLV_IO_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "io/config.h"
#include "io/config_yaml.h"

typedef enum clv_key_kind {
  CLV_KEY_TEXT,        /* char * */
  CLV_KEY_NAME,        /* char *, one of the choices, or (without choices) fit for a file name */
  CLV_KEY_TEXTS,       /* clv_strings */
  CLV_KEY_INT,         /* int */
  CLV_KEY_SEED,        /* uint64_t */
  CLV_KEY_REAL,        /* double */
  CLV_KEY_REALS,       /* clv_doubles */
  CLV_KEY_BOOL,        /* bool */
  CLV_KEY_CHOICE,      /* an enum, one of the choices */
  CLV_KEY_SECONDS,     /* double, written 60s, 5m, 1h */
  CLV_KEY_INT_OR_AUTO, /* int, 0 written auto */
  CLV_KEY_KEEP,        /* clv_config.predict.keep_customers or .keep_sample */
  CLV_KEY_PRIORS,      /* clv_pairs: densities by parameter */
  CLV_KEY_OPTIONS      /* clv_pairs: numbers or texts by name */
} clv_key_kind;

typedef struct clv_choice {
  const char *name; /* NULL ends a list */
  int         value;
} clv_choice;

/** One row per key: checking, defaults, printing, help and documentation all read this. */
typedef struct clv_config_key {
  const char       *path; /* "sampler.seed" */
  clv_key_kind      kind;
  size_t            offset;   /* in clv_config */
  const char       *fallback; /* the default as YAML; NULL: absent */
  double            low, high;
  bool              is_open; /* low and high themselves are excluded */
  const clv_choice *choice;  /* CHOICE and NAME */
  const char       *help;    /* one sentence */
} clv_config_key;

/** The table. Not collective. @param[out] n  its length */
const clv_config_key *clv_config_schema(size_t *n);
/** Row of a path, n where there is none. Not collective. */
size_t clv_config_schema_find(const char *path);

/** What a key accepts, such as "a whole number from 1 to 256". Not collective. */
typedef struct clv_key_expected {
  char text[256];
} clv_key_expected;
clv_key_expected clv_config_key_expected(const clv_config_key *key);

/** Letters, digits, '_', '-' and '.', not beginning with '-' or '.': fit for a file name. Not collective. */
bool clv_config_is_name(const char *text);

/** Convert and store / release / print as YAML one key of a configuration. Not collective. */
clv_status clv_config_value_read(const clv_config_key *key, const clv_yaml *node, clv_config *to);
void       clv_config_value_free(const clv_config_key *key, clv_config *self);
void       clv_config_value_print(const clv_config_key *key, const clv_config *self, FILE *to);

/** What no single key can know: pairs that contradict each other. Not collective.
 *  @param where  the text errors begin with: the file's name */
clv_status clv_config_check(const clv_config *self, const char *where);

#endif
