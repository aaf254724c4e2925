// Which suites of which mirrors a request for Debian packages means.
#pragma once

#include <vector>

#include "base/result.h"
#include "image/source/apt.h"
#include "image/source/apt_session.h"

namespace inro::image {

// The suite itself first, then its updates and security suites where it has them. Mirrors that the
// options leave open are the host's or Debian's. Options that are no suite, component,
// architecture, URI or keyring are kBadInput, so what is returned is safe in a sources list.
Result<std::vector<ListSource>> ArchiveSources(const AptOptions& options);

}  // namespace inro::image
