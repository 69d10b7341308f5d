//! Tasks, workers, queues, stealing, idling, timers and shutdown.
