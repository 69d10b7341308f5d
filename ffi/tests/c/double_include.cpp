// The header may be included twice, and beside the standard library.
#include "vitte.h"
#include <cstdint>
#include "vitte.h"

static_assert(sizeof(vt_hot) == 64, "one line");
vt_status cpp_polls(const vt_hot *hot) { return vt_poll(hot); }
