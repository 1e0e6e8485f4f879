"""What each lens of a co-design report can claim, and its conventions."""

GLOSSARY: dict[str, str] = {
    "predicted": (
        "From the time model at the shares of the datasheets that published measurements reached. "
        "The median, and an interval that holds 80 % of the calibration's draws; all that is "
        "compared shares its draws. Nothing was run for it."
    ),
    "measured": "On the machine that a profile ran on, such as accuracy; with its interval.",
    "counted": "From the algorithm alone, exact: FLOPs, HBM bytes and their ratio.",
    "datasheet": "The vendor's figures: the roofs, and a parameter's value now.",
    "cost model": (
        "Area, watts and dollars of a chip from its parts, with coefficients whose sources stand "
        "among the assumptions; no design cost, no margin."
    ),
    "elasticity": (
        "Percent that a quantity changes for each percent that a parameter does; "
        "\N{MINUS SIGN}0.7 means that a tenth more of it saves about 7 %."
    ),
    "p": (
        "Share of the calibration's draws in which an ask saves more than the next one. Near 0.5, "
        "nobody can tell them apart."
    ),
}

CONVENTIONS: tuple[str, ...] = (
    "A query is one prompt with all of its attempts.",
    "After over before: 0.69\N{MULTIPLICATION SIGN} is 31 % less.",
    "A multiply-add is 2 FLOP; 1 GB is 10^9 bytes.",
    "HBM: weights, HBM: KV: a decode step waits for memory, and most of what it reads is that.",
)
