#ifndef CLV_IO_TABLE_COLUMN_H
#define CLV_IO_TABLE_COLUMN_H

#include <stdbool.h>

#include "io/csv.h"
#include "comm/comm.h"

/** Most distinct labels of one column, over all ranks. */
#define CLV_LABEL_N_MAX 65536u
/** Most distinct labels of a covariate, the reference among them: each but that is a coefficient. */
#define CLV_LEVEL_N_MAX 64u
/** Longest label, in bytes. */
#define CLV_LABEL_MAX 255u

/** What stands for an empty value where those are kept. */
#define CLV_LABEL_MISSING "(missing)"

/** One column of the customer table on the rank that owns the rows: labels, or numbers where every value is
 * one. */
typedef struct clv_table_column clv_table_column;

typedef enum clv_table_use {
  CLV_TABLE_SEGMENT,    /* labels, even where every value is a number */
  CLV_TABLE_CATEGORIES, /* the same, as covariates */
  CLV_TABLE_ANY         /* a covariate: numbers where every value is one, else labels */
} clv_table_use;

/** @param name  borrowed. Not collective. */
clv_status clv_table_column_new(const char *name, clv_table_use use, clv_table_column **out);
void       clv_table_column_free(clv_table_column **self);

/** Set the value of row `row` (one behind the last, or one that is there already); an empty text is a missing
 * value. Not collective. */
clv_status clv_table_column_set(clv_table_column *self, size_t row, clv_text text);
bool       clv_table_column_is_missing(const clv_table_column *self, size_t row);

/** No row: a customer whose values are all missing. */
#define CLV_ROW_NONE SIZE_MAX

/** A customer of the portfolio has this row's value: only such values become labels. Not collective. */
void clv_table_column_use(clv_table_column *self, size_t row);

/** Agree over all ranks on what the column is and, for labels, on which there are (sorted by bytes, the
 * missing one last) and which is most frequent; for numbers on the mean, which stands for missing values.
 * Collective, synchronising.
 *  @return CLV_EDATA for a covariate with no value, with one only, with nan or inf beside numbers, or with
 * too many labels */
clv_status clv_table_column_settle(clv_table_column *self, const clv_comm *comm);

/** After settling: labels in order. Borrowed. Not collective. */
size_t             clv_table_column_n_label(const clv_table_column *self);
const char *const *clv_table_column_labels(const clv_table_column *self);
uint32_t           clv_table_column_code(const clv_table_column *self, size_t row);

/** Where a covariate's values lie. */
typedef struct clv_value_range {
  bool   is_indicator; /* every known value is 0 or 1 */
  double center;       /* 0 for indicators, else the mean */
  double spread;       /* largest distance of a value from it */
} clv_value_range;

/** After settling: as covariates, a number is one column under its name, labels are one 0/1 column for each
 * but the reference (the most frequent; of several the first), named "name=label". Not collective.
 *  @param[out] value  [n_value] */
size_t          clv_table_column_n_value(const clv_table_column *self);
clv_status      clv_table_column_value_name(const clv_table_column *self, size_t i, char **out);
clv_value_range clv_table_column_range(const clv_table_column *self);
void            clv_table_column_values(const clv_table_column *self, size_t row, double *value);

#endif
