#ifndef CLV_IO_CONFIG_H
#define CLV_IO_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "comm/comm.h"

typedef struct clv_strings {
  char **item; /* owned, each owned */
  size_t n;
} clv_strings;

typedef struct clv_doubles {
  double *item; /* owned */
  size_t  n;
} clv_doubles;

typedef struct clv_pair {
  char *name, *text; /* owned */
} clv_pair;

/** Names and their texts, in the order of the file. */
typedef struct clv_pairs {
  clv_pair *item; /* owned, each owned */
  size_t    n;
} clv_pairs;

typedef enum clv_time_unit { CLV_DAY, CLV_WEEK, CLV_MONTH, CLV_YEAR } clv_time_unit;
typedef enum clv_merge_unit {
  CLV_MERGE_INSTANT,
  CLV_MERGE_DAY,
  CLV_MERGE_WEEK,
  CLV_MERGE_MONTH,
  CLV_MERGE_YEAR
} clv_merge_unit;
typedef enum clv_policy { CLV_NET, CLV_DROP, CLV_KEEP, CLV_FAIL } clv_policy;
/** What becomes of customers' own parameters: integrated out, or sampled. */
typedef enum clv_integrate { CLV_INTEGRATE_GRID, CLV_INTEGRATE_NONE } clv_integrate;

typedef enum clv_pooling { CLV_POOLING_NONE, CLV_POOLING_PARTIAL, CLV_POOLING_COMPLETE } clv_pooling;

/** Where each value came from; private to io/config*.c. */
typedef struct clv_config_origin clv_config_origin;

/** The effective configuration: every key of docs/configuration.md with its value. Optional strings are NULL
 * where absent. */
typedef struct clv_config {
  char *name;
  struct {
    clv_strings    transactions;
    char          *customer, *time, *amount; /* column names; amount may be NULL: no spend in the log */
    char          *time_format;
    clv_time_unit  time_unit;
    clv_merge_unit merge_unit;
    char          *observation_end; /* as written; NULL: last date in the log */
    char          *holdout_end;
    clv_policy     returns, zero_amounts, bad_rows, duplicates;
    double         rescale_factor;
    int            min_transactions;
  } data;
  struct {
    char       *table;    /* NULL: no customer table */
    char       *customer; /* its id column */
    char       *segment;
    clv_strings covariates, categorical; /* those that are labels even where every value is a number */
    clv_policy  unknown_ids, missing;
  } customers;
  struct {
    char         *purchases, *spend; /* model names; spend "none" */
    int           erlang_k;          /* phases between purchases, of the models named *_cnbd_k; 0: auto */
    clv_integrate integrate;
    clv_pooling   pooling;
    clv_strings   covariates[3]; /* on purchases, dropout, spend: columns of the table; "all" */
    clv_pairs     priors;
    char         *plugin; /* path of a shared object; NULL: none */
    clv_pairs     plugin_options;
  } model;
  struct {
    int      num_chains, num_samples, num_warmup;
    double   target_accept;
    int      max_tree_depth;
    uint64_t seed;
    int      chain_groups;     /* 0: auto */
    double   checkpoint_every; /* seconds */
    bool     save_warmup;
    char    *warm_start; /* run directory or trace; NULL: none */
  } sampler;
  struct {
    double min_ess, max_rhat;
  } diagnostics;
  struct {
    clv_doubles horizon;       /* in time units */
    double      discount_rate; /* per year */
    double      margin;
    clv_doubles quantiles;
    int         draws;
    clv_strings keep_customers; /* ids whose draws are stored */
    int64_t     keep_sample;    /* or this many at random */
  } predict;
  struct {
    int draws;
  } loo;
  struct {
    char *directory;
  } output;
  struct {
    char *destination; /* NULL: none */
  } stage;
  clv_config_origin *origin; /* owned; NULL where the configuration was not loaded */
} clv_config;

/** Read, check against the schema, apply `--set` overrides in order. Collective: rank 0 reads, all agree and
 * get the same bytes.
 *  @param set  [n_set] "sampler.seed=7"
 *  @return CLV_EUSAGE with file:line:column, the key, what was expected and the nearest known key */
clv_status clv_config_load(const clv_comm *comm, const char *path, const char *const *set, size_t n_set,
                           clv_config **out);
void       clv_config_free(clv_config **self);

/** The same from memory: what clv_config_load does with the bytes. Not collective.
 *  @param text  [length] UTF-8 @param file  what errors call it; `name` defaults to its base name without
 * ending */
typedef struct clv_config_text {
  const char *file, *text;
  size_t      length;
} clv_config_text;
clv_status clv_config_parse(const clv_config_text *text, const char *const *set, size_t n_set,
                            clv_config **out);

/** One key as `clv config --help KEY` shows it: default, what it accepts, what it means; a section lists its
 * keys; NULL lists all. Not collective. @return CLV_EUSAGE for an unknown key, with the nearest one */
clv_status clv_config_explain(const char *key, FILE *to);

/** The effective values of the keys under the named sections or keys, one "path: value" per line: what a step
 * depends on. Not collective. @param section  [n] such as "data" or "sampler.seed" @param[out] out  owned by
 * the caller, free() */
clv_status clv_config_extract(const clv_config *self, const char *const *section, size_t n, char **out);

/** The effective configuration as YAML, each value with where it came from (default, line in file, --set).
 * Not collective. */
clv_status clv_config_print(const clv_config *self, FILE *to, bool with_origin);

/** The run directory, output.directory/name (file NULL), or a file in it; owned by the caller. Not
 * collective. */
clv_status clv_config_run_path(const clv_config *self, const char *file, char **out);

/** Length of a time unit in days (month 365.25/12, year 365.25) and its name. */
double      clv_time_unit_days(clv_time_unit unit);
const char *clv_time_unit_name(clv_time_unit unit);
const char *clv_merge_unit_name(clv_merge_unit unit);

/** Whether times are whole numbers of opportunities: purchases are merged by the unit that times are counted
 * in. */
bool clv_config_counts_opportunities(const clv_config *self);

#endif
