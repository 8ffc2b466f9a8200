#ifndef CLV_IO_MANIFEST_H
#define CLV_IO_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "comm/status.h"
#include "io/config.h"

/** manifest.json of a run directory: what each finished step read, wrote and depended on. One rank's
 * business; docs/cli.md. */
typedef struct clv_manifest clv_manifest;

/** One run of a step. Everything is borrowed. */
typedef struct clv_manifest_facts {
  const char        *step, *version;
  const char        *config; /* the effective values it depends on, as clv_config_extract gives them */
  const clv_strings *input;  /* paths; one that does not exist is left out (an optional file) */
  const clv_strings *output; /* paths */
  uint64_t           seed;
  int                ranks;
  time_t             started;
  double             seconds;
  bool               is_converged;
} clv_manifest_facts;

/** Whether a step has to run, and why. */
typedef enum clv_manifest_verdict {
  CLV_STEP_CURRENT, /* done before with the same inputs, configuration and version, and its outputs are
                       untouched */
  CLV_STEP_NEVER,
  CLV_STEP_VERSION,
  CLV_STEP_CONFIG,
  CLV_STEP_INPUTS,
  CLV_STEP_OUTPUTS
} clv_manifest_verdict;

/** Open, or begin where there is none. Not collective.
 *  @param directory  the run directory @param[out] is_damaged  the file was no manifest: begun anew; may be
 * NULL
 *  @param[out] out  owned by the caller */
clv_status clv_manifest_open(const char *directory, bool *is_damaged, clv_manifest **out);
void       clv_manifest_free(clv_manifest **self);

/** Compare a step with its record; version, config, inputs (path, length and SHA-256), then outputs. Not
 * collective. */
clv_status clv_manifest_check(const clv_manifest *self, const clv_manifest_facts *facts,
                              clv_manifest_verdict *out);
/** What the record says of a step that was done; true where there is no record. Not collective. */
bool clv_manifest_is_converged(const clv_manifest *self, const char *step);

/** Add or replace a step's record and write the file (temporary name, fsync, rename). Not collective. */
clv_status clv_manifest_record(clv_manifest *self, const clv_manifest_facts *facts);

/** A file that a recorded step wrote. */
typedef struct clv_manifest_result {
  char        name[256]; /* in the run directory */
  char        sha256[65];
  int64_t     bytes;
  const char *step;  /* borrowed from the manifest */
  const char *stale; /* an input of that step which another step wrote anew since; NULL: none. Borrowed */
} clv_manifest_result;

/** All results on record, but for those of step `stage`. Not collective. @param[out] out  [n] owned by the
 * caller, free() */
clv_status clv_manifest_results(const clv_manifest *self, clv_manifest_result **out, size_t *n);

/** Write manifest.json of a directory with copies: the steps' records, and under "staged" the time and the
 * files with their hashes. Not collective. @param file  [n] */
clv_status clv_manifest_stage(const clv_manifest *self, const char *directory,
                              const clv_manifest_result *file, size_t n);
/** Whether a directory is one of those. Not collective. */
clv_status clv_manifest_is_staged(const char *directory, bool *out);

#endif
