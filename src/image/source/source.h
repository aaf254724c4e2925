// What a source gives: the unpacked, unfinished root file system and what is known of its packages.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "image/tree/tree.h"

namespace inro::image {

// One binary package of the closure.
struct Package {
  std::string name;
  std::string version;
  std::string architecture;
  std::string sha256;                // of the .deb, lower-case hex; empty when unknown
  std::uint64_t size = 0;            // of the .deb, in bytes; 0 when unknown
  std::uint64_t installed_size = 0;  // bytes, as the package claims
  // Packages of the whole solution (excluded ones too) that this one needs, by name, sorted.
  std::vector<std::string> depends;
  std::string uri;  // where the .deb is fetched from; empty when it did not come from an archive

  bool operator==(const Package&) const = default;
};

// A maintainer script that was not run.
struct MaintainerScript {
  std::string package;
  std::string version;
  std::string kind;  // "preinst", "postinst", "prerm", "postrm" or "config"
  std::string text;
};

// The result of every source. Packages are sorted by name; scripts by package, then kind.
// Sources that ran the scripts themselves (mmdebstrap, tar, directory, oci) leave `scripts`,
// `dpkg_control` and `conffiles` empty: their tree has var/lib/dpkg/status already.
struct SourceTree {
  Tree tree;
  std::vector<Package> packages;
  std::vector<MaintainerScript> scripts;
  // Package -> its control paragraph as shipped, ending in one newline, without a Status field.
  std::map<std::string, std::string> dpkg_control;
  // Package -> its configuration files, as clean relative tree paths with merged /usr applied.
  std::map<std::string, std::vector<std::string>> conffiles;
};

}  // namespace inro::image
