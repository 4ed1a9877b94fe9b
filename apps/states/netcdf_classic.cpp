// The classic formats are laid out one after another: header, variables, records. The library knows
// where each begins and does not say, so the header is measured here; the layout is that of the
// grammar in "NetCDF File Format Specifications" (NetCDF User's Guide, appendix B).
#include "papillon/apps/states/netcdf_classic.hpp"

#include <netcdf.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

namespace papillon::apps {
namespace {

double padded(double bytes) {
  return 4 * std::ceil(bytes / 4);
}

class ClassicLayout {
 public:
  ClassicLayout(int id, int format)
      : id_(id),
        number_(format == NC_FORMAT_CDF5 ? 8 : 4),
        offset_(format == NC_FORMAT_CLASSIC ? 4 : 8) {}

  double size() {
    int dimensions = 0, variables = 0, attributes = 0, unlimited = -1;
    check(nc_inq(id_, &dimensions, &variables, &attributes, &unlimited));
    std::vector<double> lengths(static_cast<std::size_t>(dimensions));
    double header = 4 + number_ + 3 * (4 + number_);  // magic, records, and three lists
    for (int d = 0; d < dimensions; ++d) {
      char name[NC_MAX_NAME + 1] = {};
      std::size_t length = 0;
      check(nc_inq_dim(id_, d, name, &length));
      lengths[static_cast<std::size_t>(d)] = static_cast<double>(length);
      header += name_size(name) + number_;
    }
    header += attributes_size(NC_GLOBAL, attributes);
    double fixed = 0, record = 0, records = 0, bare_record = 0;
    double fixed_padding = 0, record_padding = 0;  // of the last variable
    int of_records = 0;
    for (int v = 0; v < variables; ++v) {
      char name[NC_MAX_NAME + 1] = {};
      int rank = 0, axes[NC_MAX_VAR_DIMS];
      nc_type type = NC_NAT;
      check(nc_inq_var(id_, v, name, &type, &rank, axes, &attributes));
      header += name_size(name) + number_ * (1 + rank) + 4 + number_ + 4 + number_ + offset_ +
                attributes_size(v, attributes);
      double bytes = type_size(type);
      const bool is_record = rank > 0 && axes[0] == unlimited;
      for (int i = is_record ? 1 : 0; i < rank; ++i)
        bytes *= lengths[static_cast<std::size_t>(axes[i])];
      (is_record ? record : fixed) += padded(bytes);
      (is_record ? record_padding : fixed_padding) = padded(bytes) - bytes;
      if (!is_record) continue;
      ++of_records;
      bare_record = bytes;
      records = lengths[static_cast<std::size_t>(unlimited)];
    }
    if (of_records == 1) record = bare_record, record_padding = 0;  // is not padded
    const double padding = records > 0 && of_records > 0 ? record_padding : fixed_padding;
    // What pads the last value need not be there.
    return good_ ? header + fixed + records * record - padding : 0;
  }

 private:
  void check(int status) { good_ = good_ && status == NC_NOERR; }
  double name_size(const char* name) const {
    return number_ + padded(static_cast<double>(std::strlen(name)));
  }
  double type_size(nc_type type) {
    std::size_t bytes = 0;
    check(nc_inq_type(id_, type, nullptr, &bytes));
    return static_cast<double>(bytes);
  }
  double attributes_size(int variable, int count) {
    double bytes = 0;
    for (int a = 0; a < count; ++a) {
      char name[NC_MAX_NAME + 1] = {};
      nc_type type = NC_NAT;
      std::size_t length = 0;
      check(nc_inq_attname(id_, variable, a, name));
      check(nc_inq_att(id_, variable, name, &type, &length));
      bytes +=
          name_size(name) + 4 + number_ + padded(type_size(type) * static_cast<double>(length));
    }
    return bytes;
  }

  int id_;
  double number_, offset_;  // bytes of a count, and of a position in the file
  bool good_ = true;
};

}  // namespace

double classic_file_size(int id) {
  int format = 0;
  if (nc_inq_format(id, &format) != NC_NOERR) return 0;
  if (format == NC_FORMAT_NETCDF4 || format == NC_FORMAT_NETCDF4_CLASSIC) return 0;
  return ClassicLayout(id, format).size();
}

}  // namespace papillon::apps
