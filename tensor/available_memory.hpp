// Available memory, so that work that needs more is refused before it starts.
#pragma once

#include <string>

namespace papillon {

// Bytes that this process can still take: the least of what the machine has (swap included), of
// what is left of the limits of its control groups (v1 and v2), and of its own limit of address
// space (ulimit -v). Infinite where nothing is known.
double available_memory();

// Throws InputError, which begins with `what` (a file, say) and has both numbers, if so many bytes
// are more than there are.
void require_memory(double bytes, const std::string& what);

}  // namespace papillon
