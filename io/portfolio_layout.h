#ifndef CLV_IO_PORTFOLIO_LAYOUT_H
#define CLV_IO_PORTFOLIO_LAYOUT_H

#include <hdf5.h>
#include <stddef.h>
#include <string.h>

#include "io/portfolio.h"

#define CLV_PORTFOLIO_FORMAT "clv portfolio"
#define CLV_PORTFOLIO_VERSION 2

/* The columns of portfolio.h5: shared by its reader and its writer. */
typedef enum clv_column_kind { CLV_COLUMN_U32, CLV_COLUMN_F64 } clv_column_kind;

typedef enum clv_column_when { CLV_COLUMN_ALWAYS, CLV_COLUMN_COVARIATE, CLV_COLUMN_HOLDOUT } clv_column_when;

typedef struct clv_column {
  const char     *path;
  clv_column_kind kind;
  clv_column_when when;
  size_t          member; /* offset of the array in its struct of columns */
} clv_column;

static const clv_column CLV_CUSTOMER_COLUMN[] = {
    {"customers/x", CLV_COLUMN_U32, CLV_COLUMN_ALWAYS, offsetof(clv_customer_columns, x)},
    {"customers/t_x", CLV_COLUMN_F64, CLV_COLUMN_ALWAYS, offsetof(clv_customer_columns, t_x)},
    {"customers/T", CLV_COLUMN_F64, CLV_COLUMN_ALWAYS, offsetof(clv_customer_columns, T)},
    {"customers/spend", CLV_COLUMN_F64, CLV_COLUMN_ALWAYS, offsetof(clv_customer_columns, spend)},
    {"customers/n_spend", CLV_COLUMN_U32, CLV_COLUMN_ALWAYS, offsetof(clv_customer_columns, n_spend)},
    {"customers/positive_spend", CLV_COLUMN_F64, CLV_COLUMN_ALWAYS,
     offsetof(clv_customer_columns, positive_spend)},
    {"customers/log_spend", CLV_COLUMN_F64, CLV_COLUMN_ALWAYS, offsetof(clv_customer_columns, log_spend)},
    {"customers/log_spend_ss", CLV_COLUMN_F64, CLV_COLUMN_ALWAYS,
     offsetof(clv_customer_columns, log_spend_ss)},
    {"customers/litt", CLV_COLUMN_F64, CLV_COLUMN_ALWAYS, offsetof(clv_customer_columns, litt)},
    {"customers/segment", CLV_COLUMN_U32, CLV_COLUMN_ALWAYS, offsetof(clv_customer_columns, segment)},
    {"customers/covariate", CLV_COLUMN_F64, CLV_COLUMN_COVARIATE, offsetof(clv_customer_columns, covariate)},
    {"customers/holdout_x", CLV_COLUMN_U32, CLV_COLUMN_HOLDOUT, offsetof(clv_customer_columns, holdout_x)},
    {"customers/holdout_spend", CLV_COLUMN_F64, CLV_COLUMN_HOLDOUT,
     offsetof(clv_customer_columns, holdout_spend)},
};

static const clv_column CLV_CELL_COLUMN[] = {
    {"cells/segment", CLV_COLUMN_U32, CLV_COLUMN_ALWAYS, offsetof(clv_cell_columns, segment)},
    {"cells/x", CLV_COLUMN_U32, CLV_COLUMN_ALWAYS, offsetof(clv_cell_columns, x)},
    {"cells/t_x", CLV_COLUMN_F64, CLV_COLUMN_ALWAYS, offsetof(clv_cell_columns, t_x)},
    {"cells/T", CLV_COLUMN_F64, CLV_COLUMN_ALWAYS, offsetof(clv_cell_columns, T)},
    {"cells/count", CLV_COLUMN_U32, CLV_COLUMN_ALWAYS, offsetof(clv_cell_columns, count)},
    {"cells/covariate", CLV_COLUMN_F64, CLV_COLUMN_COVARIATE, offsetof(clv_cell_columns, covariate)},
};

#define CLV_COLUMN_N(table) (sizeof(table) / sizeof(table)[0])

#define CLV_ID_OFFSET_PATH "customers/id_offset"
#define CLV_ID_BYTES_PATH "customers/id_bytes"
#define CLV_SEGMENT_PATH "segments/label"
#define CLV_COVARIATE_PATH "covariates/name"
#define CLV_CENTER_PATH "covariates/center"
#define CLV_SCALE_PATH "covariates/scale"

/* The column's array in its struct; copied, for the arrays are pointers of different types. */
static inline void *clv_column_get(const void *columns, const clv_column *column) {
  void *values;
  memcpy(&values, (const char *)columns + column->member, sizeof values);
  return values;
}

static inline void clv_column_set(void *columns, const clv_column *column, void *values) {
  memcpy((char *)columns + column->member, &values, sizeof values);
}

/* Is the column there, in a portfolio with these facts? */
static inline bool clv_column_is_there(const clv_column *column, const clv_portfolio_facts *facts) {
  if (column->when == CLV_COLUMN_COVARIATE) return facts->n_covariate > 0;
  if (column->when == CLV_COLUMN_HOLDOUT) return facts->holdout_end[0] != '\0';
  return true;
}

/* Values per record. */
static inline uint64_t clv_column_width(const clv_column *column, const clv_portfolio_facts *facts) {
  return column->when == CLV_COLUMN_COVARIATE ? facts->n_covariate : 1;
}

static inline hid_t clv_column_type(const clv_column *column) {
  return column->kind == CLV_COLUMN_U32 ? H5T_NATIVE_UINT32 : H5T_NATIVE_DOUBLE;
}

static inline size_t clv_column_bytes(const clv_column *column) {
  return column->kind == CLV_COLUMN_U32 ? sizeof(uint32_t) : sizeof(double);
}

#endif
