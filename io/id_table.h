#ifndef CLV_IO_ID_TABLE_H
#define CLV_IO_ID_TABLE_H

#include "comm/comm.h"

/** Ids, each with a number from 0 in order of first appearance. */
typedef struct clv_id_table clv_id_table;

#define CLV_ID_NONE UINT32_MAX

clv_status clv_id_table_new(clv_id_table **out);
void       clv_id_table_free(clv_id_table **self);

/** Not collective. @param[out] number  of the id, which is added where it is new */
clv_status clv_id_table_add(clv_id_table *self, const char *id, size_t n, uint32_t *number);
/** CLV_ID_NONE where the id is unknown. Not collective. */
uint32_t clv_id_table_find(const clv_id_table *self, const char *id, size_t n);

size_t      clv_id_table_n(const clv_id_table *self);
const char *clv_id_table_get(const clv_id_table *self, size_t number, size_t *n);

#endif
