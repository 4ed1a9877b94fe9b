// How much memory there is, so that what needs more is refused before it takes any.
#pragma once

#include <string>

namespace papillon {

// Bytes that this process can still take: the least of what the machine has free or can free
// (MemAvailable), of the limit of its control group, and of what is left under its own limit of
// address space (ulimit -v). Infinity where nothing tells.
double available_memory();

// Throws InputError, which begins with `what` (a file, say) and has both numbers, if so many bytes
// are more than there are.
void require_memory(double bytes, const std::string& what);

}  // namespace papillon
