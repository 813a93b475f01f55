"""Mail that comes in: read, told from machines' mail, proved, cut from its quotation, taken in."""
