// What a run needs in memory is known before it starts: too much is refused, much is announced.
#pragma once

#include <string>

#include "papillon/tensor/available_memory.hpp"

namespace papillon::apps {

using papillon::require_memory;  // of what a file holds

// Whether require_memory() announces needs over 1 GB on stderr (--quiet: it does not).
void announce_memory(bool announce);

// Throws InputError where options ask for more than there is: "<what> needs 21 GB of memory; 5.2 GB
// are available; <advice>". bytes: an estimate, of what is not taken yet.
void require_memory(double bytes, const std::string& what, const std::string& advice);

}  // namespace papillon::apps
