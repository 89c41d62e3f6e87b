"""A local Personio with an invented company: both API versions, their quirks, and faults to switch on."""

from .company import Company
from .faults import Fault, Faults
from .log import Request, RequestLog
from .options import Options
from .sandbox import Sandbox

__all__ = ["Company", "Fault", "Faults", "Options", "Request", "RequestLog", "Sandbox"]
__version__ = "0.1.0"
