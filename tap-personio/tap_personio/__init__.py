"""Singer tap for Personio: employees, absences, attendances and everything else its API offers."""
