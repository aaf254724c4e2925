#include "unit/search_folders.h"

#include <algorithm>
#include <utility>

namespace inro::unit {
namespace {

constexpr std::size_t kMaxBytes = 8 << 20;  // of all names of a folder

}  // namespace

SearchFolders::SearchFolders(const sys::FileSource& files, std::vector<std::string> paths)
    : files_(files), paths_(std::move(paths)) {}

std::string_view SearchFolders::NameAt(const Listing& listing, std::size_t index) {
  return std::string_view(listing.names)
      .substr(listing.starts[index], listing.starts[index + 1] - listing.starts[index]);
}

bool SearchFolders::Holds(const Listing& listing, std::string_view name) {
  std::size_t low = 0;
  std::size_t high = listing.starts.size() - 1;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (NameAt(listing, middle) < name) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low + 1 < listing.starts.size() && NameAt(listing, low) == name;
}

const std::vector<SearchFolders::Listing>& SearchFolders::Listings() const {
  if (!listings_.empty()) return listings_;
  for (const std::string& path : paths_) {
    Listing listing;
    std::vector<std::string> names = files_.List(path);
    std::ranges::sort(names);
    for (const std::string& name : names) {
      if (listing.names.size() + name.size() > kMaxBytes) break;
      listing.starts.push_back(static_cast<std::uint32_t>(listing.names.size()));
      listing.names += name;
    }
    listing.starts.push_back(static_cast<std::uint32_t>(listing.names.size()));
    listing.names.shrink_to_fit();
    listing.starts.shrink_to_fit();
    listings_.push_back(std::move(listing));
  }
  return listings_;
}

std::vector<std::string> SearchFolders::Find(std::string_view name) const {
  std::vector<std::string> found;
  const auto& listings = Listings();
  for (std::size_t i = 0; i < listings.size(); ++i) {
    if (Holds(listings[i], name)) found.push_back(paths_[i] + "/" + std::string(name));
  }
  return found;
}

bool SearchFolders::Has(std::string_view name) const {
  return std::ranges::any_of(Listings(),
                             [&](const Listing& listing) { return Holds(listing, name); });
}

std::vector<std::string> SearchFolders::Names() const {
  std::vector<std::string> names;
  for (const Listing& listing : Listings()) {
    for (std::size_t i = 0; i + 1 < listing.starts.size(); ++i) {
      names.emplace_back(NameAt(listing, i));
    }
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

}  // namespace inro::unit
