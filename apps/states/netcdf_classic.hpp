#pragma once

namespace papillon::apps {

// The bytes that a NetCDF file of a classic format (CDF-1, 2 or 5) has at least, as its header has
// it; 0 for NetCDF-4, whose length HDF5 checks, and if a call of the library fails.
double classic_file_size(int id);

}  // namespace papillon::apps
