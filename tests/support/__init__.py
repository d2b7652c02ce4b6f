# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests in network namespaces stand on; tests/support/README.md shows it in use."""
