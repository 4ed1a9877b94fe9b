#include "papillon/nn/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/available_memory.hpp"

namespace papillon {
namespace {

static_assert(std::endian::native == std::endian::little, "the data are read as they are");

using Json = nlohmann::json;

constexpr std::uint64_t max_header = 100'000'000;
constexpr int max_depth = 4;  // {"name": {"shape": [1]}} has 3

// Bits of an element; 0 if the type is unknown.
std::size_t element_bits(std::string_view dtype) {
  constexpr std::pair<std::string_view, std::size_t> sizes[] = {
      {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"BOOL", 8},        {"U8", 8},
      {"I8", 8},      {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E5M2FNUZ", 8}, {"F8_E4M3FNUZ", 8},
      {"F8_E8M0", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},        {"BF16", 16},
      {"I32", 32},    {"U32", 32},    {"F32", 32},    {"I64", 64},        {"U64", 64},
      {"F64", 64},    {"C64", 64}};
  const auto found = std::find_if(std::begin(sizes), std::end(sizes),
                                  [&](const auto& size) { return size.first == dtype; });
  return found == std::end(sizes) ? 0 : found->second;
}

// The product of the extents times `each`, unless it overflows; extents of 0 do not excuse the
// others.
std::optional<std::uint64_t> product(const Shape& shape, std::uint64_t each) {
  std::uint64_t result = each;
  bool empty = false;
  for (const std::size_t extent : shape) {
    empty |= extent == 0;
    if (extent == 0) continue;
    if (result > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / extent)
      return std::nullopt;
    result *= extent;
  }
  return empty ? 0 : result;
}

// Whether an array of this type and shape has so many bytes. Elements of an unknown type have a bit
// or more each.
bool fills(const SafetensorsEntry& entry, std::uint64_t bytes) {
  const std::size_t bits = element_bits(entry.dtype);
  const auto needed = product(entry.shape, bits == 0 ? 1 : bits);
  if (!needed) return false;
  if (bits == 0) return (*needed == 0) == (bytes == 0) && (*needed + 7) / 8 <= bytes;
  return *needed % 8 == 0 && *needed / 8 == bytes;
}

// A name in quotes, on one line whatever it holds.
std::string in_quotes(std::string_view name) {
  std::string text = Json(name).dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 200) text = text.substr(0, 200) + "...";
  return text;
}

class Parser {
 public:
  Parser(std::span<const std::byte> data, const std::string& name) : data_(data), name_(name) {}

  SafetensorsFile parse() {
    if (data_.size() < 8) fail("it is truncated: a safetensors file has at least 8 bytes");
    std::uint64_t length = 0;
    std::memcpy(&length, data_.data(), 8);
    if (length > max_header)
      fail(fmt::format("its header claims {} bytes, more than {}", length, max_header));
    if (length > data_.size() - 8)
      fail(fmt::format("it is truncated: the header claims {} bytes, {} are left", length,
                       data_.size() - 8));
    const Json header = parse_header(
        {reinterpret_cast<const char*>(data_.data()) + 8, static_cast<std::size_t>(length)});
    data_ = data_.subspan(8 + static_cast<std::size_t>(length));

    for (const auto& [key, value] : header.items()) {
      if (key == "__metadata__")
        read_metadata(value);
      else
        read_entry(key, value);
    }
    return take_data();
  }

 private:
  struct Range {
    std::uint64_t begin, end;
    SafetensorsEntry entry;
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(fmt::format("{}: {}", name_, what));
  }

  Json parse_header(std::string_view text) const {
    if (text.empty() || text.front() != '{') fail("its header does not begin with '{'");
    while (text.back() == ' ') text.remove_suffix(1);
    std::vector<std::set<std::string>> keys;  // of the objects that are open
    const auto check = [&](int depth, Json::parse_event_t event, const Json& value) {
      if (depth > max_depth) fail("its header is nested too deeply");
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key &&
          !keys.back().insert(value.get_ref<const std::string&>()).second)
        fail("its header has the key " + in_quotes(value.get_ref<const std::string&>()) + " twice");
      return true;
    };
    try {
      return Json::parse(text, check);
    } catch (const Json::exception& error) {
      fail(fmt::format("its header is not valid JSON: {}", error.what()));
    }
  }

  void read_metadata(const Json& value) {
    if (value.is_null()) return;  // as some writers say that there is none
    if (!value.is_object()) fail("its __metadata__ is not an object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string())
        fail("its __metadata__ has a value that is not a string: " + in_quotes(key));
      file_.metadata[key] = text.get<std::string>();
    }
  }

  void read_entry(const std::string& key, const Json& value) {
    const auto member = [&](const char* what) -> const Json& {
      if (!value.is_object() || !value.contains(what) || value.size() != 3)
        fail(fmt::format("entry {} needs exactly dtype, shape and data_offsets", in_quotes(key)));
      return value[what];
    };
    const auto unsigned_list = [&](const char* what) {
      const Json& list = member(what);
      if (!list.is_array() || list.size() > 64 ||
          !std::all_of(list.begin(), list.end(),
                       [](const Json& v) { return v.is_number_unsigned(); })) {
        fail(fmt::format("entry {}: {} is not a list of integers of at least 0", in_quotes(key),
                         what));
      }
      return list.get<std::vector<std::uint64_t>>();
    };
    Range range;
    SafetensorsEntry& entry = range.entry;
    entry.name = key;
    if (!member("dtype").is_string())
      fail(fmt::format("entry {}: dtype is no string", in_quotes(key)));
    entry.dtype = member("dtype").get<std::string>();
    const auto extents = unsigned_list("shape");
    entry.shape = Shape(extents.begin(), extents.end());
    const auto offsets = unsigned_list("data_offsets");
    if (offsets.size() != 2 || offsets[0] > offsets[1])
      fail(fmt::format("entry {}: data_offsets is not [begin, end]", in_quotes(key)));
    std::tie(range.begin, range.end) = std::tie(offsets[0], offsets[1]);
    if (!fills(entry, range.end - range.begin))
      fail(fmt::format("entry {}: shape {} of {} does not fill its {} bytes", in_quotes(key),
                       to_string(entry.shape), in_quotes(entry.dtype), range.end - range.begin));
    ranges_.push_back(std::move(range));
  }

  // Checks that the ranges tile the data, and copies these.
  SafetensorsFile take_data() {
    std::sort(ranges_.begin(), ranges_.end(), [](const Range& a, const Range& b) {
      return std::tie(a.begin, a.end, a.entry.name) < std::tie(b.begin, b.end, b.entry.name);
    });
    std::uint64_t at = 0;
    for (const Range& range : ranges_) {
      if (range.begin != at)
        fail(fmt::format("entry {}: its data begin at {}, not at {} (a hole or an overlap)",
                         in_quotes(range.entry.name), range.begin, at));
      at = range.end;
    }
    if (at != data_.size())
      fail(fmt::format("its entries hold {} bytes of data, the file has {}", at, data_.size()));
    for (Range& range : ranges_) {
      range.entry.bytes.assign(data_.begin() + static_cast<std::ptrdiff_t>(range.begin),
                               data_.begin() + static_cast<std::ptrdiff_t>(range.end));
      file_.entries.push_back(std::move(range.entry));
    }
    return std::move(file_);
  }

  std::span<const std::byte> data_;
  const std::string& name_;
  std::vector<Range> ranges_;
  SafetensorsFile file_;
};

float from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// IEEE binary16. Subnormals are multiples of 2^-24.
float from_half(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t rest = bits & 0x7FFFu;
  std::uint32_t magnitude;
  if (rest >= 0x7C00u) {
    magnitude = 0x7F800000u | (rest & 0x3FFu) << 13;
  } else if (rest >= 0x400u) {
    magnitude = (rest << 13) + (112u << 23);
  } else {
    magnitude = std::bit_cast<std::uint32_t>(static_cast<float>(rest) * 0x1p-24f);
  }
  return std::bit_cast<float>(sign | magnitude);
}

template <class File, class T, class Convert>
void convert(const std::vector<std::byte>& bytes, Tensor<T>& to, Convert&& value) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    File element;
    std::memcpy(&element, bytes.data() + i * sizeof element, sizeof element);
    to[i] = static_cast<T>(value(element));
  }
}

}  // namespace

template <class T>
void SafetensorsFile::add(std::string name, const Tensor<T>& tensor) {
  if (name == "__metadata__" || contains(name))
    throw ArgumentError(fmt::format("safetensors: the name {} is taken", in_quotes(name)));
  const auto bytes = std::as_bytes(tensor.span());
  entries.push_back({std::move(name),
                     sizeof(T) == 4 ? "F32" : "F64",
                     tensor.shape(),
                     {bytes.begin(), bytes.end()}});
}

bool SafetensorsFile::contains(std::string_view name) const {
  return std::any_of(entries.begin(), entries.end(),
                     [&](const SafetensorsEntry& e) { return e.name == name; });
}

const SafetensorsEntry& SafetensorsFile::entry(std::string_view name) const {
  for (const SafetensorsEntry& e : entries)
    if (e.name == name) return e;
  throw InputError(fmt::format("{}: there is no entry {}", source, in_quotes(name)));
}

template <class T>
Tensor<T> SafetensorsFile::tensor(std::string_view name) const {
  const SafetensorsEntry& e = entry(name);
  if (!fills(e, e.bytes.size()))
    throw InputError(fmt::format("{}: entry {}: its bytes do not fill shape {} of {}", source,
                                 in_quotes(name), to_string(e.shape), in_quotes(e.dtype)));
  const auto read = [&]<class File>(File, auto value) {
    Tensor<T> result(e.shape);
    convert<File>(e.bytes, result, value);
    return result;
  };
  const auto same = [](auto value) { return value; };
  if (e.dtype == "F32") return read(float{}, same);
  if (e.dtype == "F64") return read(double{}, same);
  if (e.dtype == "F16") return read(std::uint16_t{}, from_half);
  if (e.dtype == "BF16") return read(std::uint16_t{}, from_bfloat16);
  throw InputError(fmt::format("{}: entry {} is {}; needs F16, BF16, F32 or F64", source,
                               in_quotes(name), in_quotes(e.dtype)));
}

SafetensorsFile parse_safetensors(std::span<const std::byte> data, const std::string& name) {
  SafetensorsFile file = Parser(data, name).parse();
  file.source = name;
  return file;
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::error_code error;
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error))
    throw InputError(fmt::format("cannot read '{}': it is not a regular file", name));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file)
    throw InputError(
        fmt::format("cannot read '{}': {}", name, std::generic_category().message(errno)));
  const auto size = std::filesystem::file_size(path, error);
  // Once as they are, once as entries; a sparse file can be of any length.
  if (!error) require_memory(2 * static_cast<double>(size), name + ": its contents");
  std::vector<std::byte> data(error ? 0 : static_cast<std::size_t>(size));
  if (std::fread(data.data(), 1, data.size(), file.get()) != data.size())
    throw InputError(fmt::format("cannot read '{}': it became shorter while it was read", name));
  return parse_safetensors(data, name);
}

void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file) {
  std::vector<const SafetensorsEntry*> entries;
  std::set<std::string_view> names;
  for (const SafetensorsEntry& e : file.entries) {
    if (element_bits(e.dtype) == 0 || !fills(e, e.bytes.size()))
      throw ArgumentError(fmt::format("safetensors: entry {}: {} bytes do not fill shape {} of {}",
                                      in_quotes(e.name), e.bytes.size(), to_string(e.shape),
                                      in_quotes(e.dtype)));
    if (e.name == "__metadata__" || !names.insert(e.name).second)
      throw ArgumentError(fmt::format("safetensors: the name {} is taken", in_quotes(e.name)));
    entries.push_back(&e);
  }
  std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
    const std::size_t size_a = element_bits(a->dtype), size_b = element_bits(b->dtype);
    return size_a != size_b ? size_a > size_b : a->name < b->name;
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::uint64_t at = 0;
  for (const SafetensorsEntry* e : entries) {
    header[e->name] = {{"dtype", e->dtype},
                       {"shape", std::vector<std::size_t>(e->shape.begin(), e->shape.end())},
                       {"data_offsets", {at, at + e->bytes.size()}}};
    at += e->bytes.size();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& error) {
    throw ArgumentError(
        fmt::format("safetensors: names and metadata must be UTF-8: {}", error.what()));
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  if (length > max_header) throw ArgumentError("safetensors: names and metadata exceed 100 MB");
  AtomicFile out(path);
  out.write(&length, 8);
  out.write(text.data(), text.size());
  for (const SafetensorsEntry* e : entries) out.write(e->bytes.data(), e->bytes.size());
  out.commit();
}

template void SafetensorsFile::add(std::string, const Tensor<float>&);
template void SafetensorsFile::add(std::string, const Tensor<double>&);
template Tensor<float> SafetensorsFile::tensor(std::string_view) const;
template Tensor<double> SafetensorsFile::tensor(std::string_view) const;

}  // namespace papillon
