// The folders that unit files are looked up in, listed once: most look-ups ask for files that are
// not there, and these cost no system call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sys/file_source.h"

namespace inro::unit {

// Sees each folder as it was at first use. Not thread-safe.
class SearchFolders {
 public:
  SearchFolders(const sys::FileSource& files, std::vector<std::string> paths);

  const std::vector<std::string>& paths() const { return paths_; }
  // Paths of the entries of that name (a unit file, or a folder like NAME.d), the most important
  // folder first.
  std::vector<std::string> Find(std::string_view name) const;
  bool Has(std::string_view name) const;
  // All entries of all folders: sorted, each once.
  std::vector<std::string> Names() const;

 private:
  struct Listing {
    std::string names;                  // one after the other
    std::vector<std::uint32_t> starts;  // of each in `names`, in order of the names; and the end
  };
  static std::string_view NameAt(const Listing& listing, std::size_t index);
  static bool Holds(const Listing& listing, std::string_view name);
  const std::vector<Listing>& Listings() const;

  const sys::FileSource& files_;
  std::vector<std::string> paths_;
  mutable std::vector<Listing> listings_;
};

}  // namespace inro::unit
