"""The service that predicts, without HTTP: one model in service, its batches, its log and its figures."""
