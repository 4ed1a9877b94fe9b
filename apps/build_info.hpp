// What this build of the program is; the values are filled in by CMake.
#pragma once

namespace papillon::apps {

extern const char* const program_version;
extern const char* const program_commit;  // abbreviated, "-dirty" if there were changes
extern const char* const program_build;   // build type and compiler

}  // namespace papillon::apps
