"""The languages whose patches are read and whose tests are told apart, one file or folder each behind one protocol."""
