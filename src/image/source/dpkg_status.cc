#include "image/source/dpkg_status.h"

#include <algorithm>
#include <charconv>

#include "image/source/deb.h"

namespace inro::image {

std::vector<Package> ParseDpkgStatus(std::string_view text) {
  std::vector<Package> packages;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    const std::string_view paragraph = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    if (!ControlField(paragraph, "Status").ends_with(" installed")) continue;
    Package package;
    package.name = ControlField(paragraph, "Package");
    package.version = ControlField(paragraph, "Version");
    package.architecture = ControlField(paragraph, "Architecture");
    if (package.name.empty()) continue;
    const std::string_view kib = ControlField(paragraph, "Installed-Size");
    std::uint64_t size = 0;
    std::from_chars(kib.data(), kib.data() + kib.size(), size);
    package.installed_size = size * 1024;
    packages.push_back(std::move(package));
  }
  std::sort(packages.begin(), packages.end(),
            [](const Package& a, const Package& b) { return a.name < b.name; });
  return packages;
}

std::vector<Package> InstalledPackages(const Tree& tree) {
  const auto status = tree.ReadFile("var/lib/dpkg/status");
  return status ? ParseDpkgStatus(*status) : std::vector<Package>{};
}

}  // namespace inro::image
