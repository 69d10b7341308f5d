/* The header may be included twice in one file, and in two files of one program. */
#include "vitte.h"
#include "vitte.h"

vt_status a_polls(const vt_hot *hot);
vt_status a_polls(const vt_hot *hot) { return vt_poll(hot); }
