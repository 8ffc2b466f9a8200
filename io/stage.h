#ifndef CLV_IO_STAGE_H
#define CLV_IO_STAGE_H

#include <stdint.h>

#include "io/manifest.h"

/** Copies of finished results in a directory that others read: destination/name, there whole or not at all.
 * One rank's business; docs/operations.md. */

/** What was staged. */
typedef struct clv_stage_facts {
  uint64_t files, bytes;
} clv_stage_facts;

/** The directory that a destination means: a path, or file:///path. Not collective.
 *  @return CLV_EUSAGE for gs://, which this version does not upload to, and for other addresses
 *  @param[out] out  owned by the caller, free() */
clv_status clv_stage_directory(const char *destination, char **out);

/** Copy results of a run directory to directory/name: into a hidden directory beside it, each file read back
 * and compared with the SHA-256 on record, the manifest last, then one rename. What was staged there before
 * is replaced as a whole. Not collective.
 *  @param run  the run directory  @param result  [n] files of it
 *  @return CLV_EDATA where a file is not what the manifest records, CLV_EUSAGE where directory/name is no
 * staged run or another clv stages there */
clv_status clv_stage_copy(const char *run, const char *directory, const char *name,
                          const clv_manifest *manifest, const clv_manifest_result *result, size_t n,
                          clv_stage_facts *facts);

#endif
