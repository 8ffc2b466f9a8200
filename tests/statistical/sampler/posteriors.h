#ifndef CLV_TESTS_STATISTICAL_SAMPLER_POSTERIORS_H
#define CLV_TESTS_STATISTICAL_SAMPLER_POSTERIORS_H

#include "tests/unit/sampler/densities.h"

/** Four posteriors of posteriordb, with data and reference moments of $CLV_SHARED_DATA/reference/posteriordb.
 */
typedef enum posterior_name { EIGHT_SCHOOLS, KIDSCORE, ARK, GAUSS_MIX, POSTERIORS } posterior_name;

#define POSTERIOR_VALUES_MOST 10

typedef struct posterior {
  density     what;
  const char *reference; /* as the first column of reference.csv names it */
  size_t      n_value;
  void (*report)(const void *context, const double *x, double *value); /* in the order of reference.csv */
  void *context;                                                       /* owned */
} posterior;

/** @return 0, 77 where the shared data are absent, 1 on an error that has been printed */
int  posterior_open(posterior_name name, posterior *out);
void posterior_close(posterior *self);

typedef struct reference {
  char   name[32];
  double mean, sd, mcse_mean;
} reference;
/** The reference moments. @param[out] out  [n_value] @return 0 or 1 */
int posterior_reference(const posterior *self, reference *out);

#endif
