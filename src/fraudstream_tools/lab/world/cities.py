"""Where the simulated world's people live and shop."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class City:
    """A place to live in, to travel to and to shop at."""

    country: str
    """ISO 3166-1 alpha-2."""
    latitude: float
    longitude: float
    hours_from_utc: int
    currency: str
    per_dollar: float
    """Major units of the currency that a US dollar buys, roughly: prices only have to look right."""
    weight: int
    """Share of the simulated customers who live here, relative to the other cities."""


CITIES = (
    City("US", 40.71, -74.01, -5, "USD", 1.0, 20),  # New York
    City("US", 39.96, -83.00, -5, "USD", 1.0, 14),  # Columbus
    City("US", 41.88, -87.63, -6, "USD", 1.0, 12),  # Chicago
    City("US", 39.74, -104.99, -7, "USD", 1.0, 8),  # Denver
    City("US", 34.05, -118.24, -8, "USD", 1.0, 14),  # Los Angeles
    City("CA", 43.65, -79.38, -5, "CAD", 1.38, 6),  # Toronto
    City("MX", 19.43, -99.13, -6, "MXN", 18.5, 3),  # Mexico City
    City("BR", -23.55, -46.63, -3, "BRL", 5.4, 3),  # São Paulo
    City("CL", -33.45, -70.67, -4, "CLP", 940.0, 2),  # Santiago
    City("GB", 51.51, -0.13, 0, "GBP", 0.76, 7),  # London
    City("FR", 48.86, 2.35, 1, "EUR", 0.87, 5),  # Paris
    City("DE", 52.52, 13.40, 1, "EUR", 0.87, 6),  # Berlin
    City("ES", 40.42, -3.70, 1, "EUR", 0.87, 4),  # Madrid
    City("CH", 47.37, 8.54, 1, "CHF", 0.80, 2),  # Zurich
    City("TN", 36.81, 10.18, 1, "TND", 2.95, 1),  # Tunis
    City("NG", 6.52, 3.38, 1, "NGN", 1450.0, 1),  # Lagos
    City("KW", 29.38, 47.99, 3, "KWD", 0.307, 1),  # Kuwait City
    City("BH", 26.23, 50.59, 3, "BHD", 0.376, 1),  # Manama
    City("IN", 19.08, 72.88, 5, "INR", 88.0, 3),  # Mumbai
    City("SG", 1.35, 103.82, 8, "SGD", 1.3, 2),  # Singapore
    City("KR", 37.57, 126.98, 9, "KRW", 1450.0, 2),  # Seoul
    City("JP", 35.68, 139.69, 9, "JPY", 155.0, 3),  # Tokyo
    City("AU", -33.87, 151.21, 10, "AUD", 1.53, 3),  # Sydney
)


@dataclass(frozen=True, slots=True)
class Trade:
    """What a kind of merchant sells, and to whom."""

    category: str
    """Merchant category code, ISO 18245."""
    median_dollars: float
    spread: float
    """Standard deviation of the amount's logarithm."""
    weight: int
    """How often people buy there, relative to the other trades."""


SHOP_TRADES = (
    Trade("5411", 34.0, 0.7, 30),  # groceries
    Trade("5814", 11.0, 0.5, 24),  # fast food
    Trade("5812", 32.0, 0.6, 14),  # restaurants
    Trade("5541", 41.0, 0.4, 10),  # fuel
    Trade("5912", 19.0, 0.7, 8),  # pharmacies
    Trade("4111", 3.5, 0.4, 8),  # local transport
    Trade("5651", 62.0, 0.7, 5),  # clothing
    Trade("5732", 140.0, 0.9, 2),  # electronics
)
ONLINE_TRADES = (
    Trade("5999", 38.0, 0.8, 30),  # market places
    Trade("5815", 9.0, 0.6, 20),  # digital goods
    Trade("4899", 13.0, 0.3, 12),  # streaming
    Trade("5651", 58.0, 0.7, 10),  # clothing
    Trade("5942", 22.0, 0.6, 8),  # books
    Trade("5732", 150.0, 0.9, 4),  # electronics
    Trade("4722", 310.0, 0.8, 2),  # travel agencies
)
CASH_MACHINES = Trade("6011", 80.0, 0.5, 1)
