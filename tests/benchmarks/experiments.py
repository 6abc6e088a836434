"""The experiments of the week's notes, what each concluded, and the claims about measures by which it is tested.

DCGAN's are on the toons, of which it draws most in 5,000 steps; on simpsons_mnist it has hardly begun after 8,000.
"""

from collections.abc import Sequence
from typing import NamedTuple

LESS, MORE, SAME = "less", "more", "same"
FEW = 2.0  # effective characters, below which it is one, more or less


class Claim(NamedTuple):
    """That a measure of `system` is less or more than, or the same as, that of `other`, or than `bound`."""

    text: dict[str, str]  # by language
    measure: str
    system: str
    expected: str
    other: str | None = None
    bound: float | None = None


class Experiment(NamedTuple):
    """A section of the notes."""

    title: dict[str, str]
    noted: dict[str, str]  # what the notes had to say
    steps: int
    systems: Sequence[str]
    claims: Sequence[Claim]
    data: str = "simpsons_mnist"

    @property
    def budget(self) -> str:
        """As rows have it."""
        return f"{self.steps} steps"


def said(english: str, french: str) -> dict[str, str]:
    return {"en": english, "fr": french}


def worse(system: str, other: str, english: str, french: str) -> Claim:
    """By the distance of the best checkpoint."""
    return Claim(said(english, french), "fd_probe", system, MORE, other)


PYTORCH = "+init=fan_in_uniform"
LOW, HIGH = (0.1, 0.3, 0.5), (0.9,)  # gamma, beside that of the preset
AT_STALLS, IN_STEPS = "began+plateau_every=80", "began+plateau_every=800+plateau_rtol=1"
LOOKS = 100  # of the notes in a training, at whether M stalls
DCGAN_VARIANTS = {
    "dropout=0": said("no dropout is worse than 0.25", "sans dropout, c'est moins bien qu'avec 0,25"),
    "dropout=0.5": said("dropout 0.5 is worse than 0.25", "un dropout de 0,5 est moins bon que 0,25"),
    "dropout=0.75": said("dropout 0.75 is worse than 0.25", "un dropout de 0,75 est moins bon que 0,25"),
    "kernel=5": said("kernels of 5 are worse than of 3", "des noyaux de 5 sont moins bons que de 3"),
    "kernel=9": said("kernels of 9 are worse than of 3", "des noyaux de 9 sont moins bons que de 3"),
    "label_smoothing=0": said("hard labels are worse than smoothed ones", "des étiquettes 0 et 1 sont moins bonnes"),
    "data.noise=0.1": said("noise on D's input makes it worse", "du bruit à l'entrée de D est nuisible"),
}

EXPERIMENTS = {
    "init": Experiment(
        said("the initialisation", "init"),
        said(
            "BEGAN: a much better start, and collapse comes later. Learning has to be kept up by other means.",
            "BEGAN : un bien meilleur départ, et l'effondrement vient plus tard. Reste à maintenir l'apprentissage.",
        ),
        8000,
        ["began", "began" + PYTORCH],
        [
            Claim(
                said(
                    "BEGAN starts better with weights of the fan's average than with PyTorch's",
                    "BEGAN démarre mieux avec des poids selon la moyenne des fans qu'avec ceux de PyTorch",
                ),
                "early fd_probe", "began", LESS, "began" + PYTORCH,
            ),
            Claim(
                said("and draws for longer", "et dessine plus longtemps"), "drawing", "began", MORE, "began" + PYTORCH
            ),
        ],
    ),
    "init_dcgan": Experiment(
        said("the initialisation of DCGAN", "init de DCGAN"),
        said("DCGAN: no change.", "DCGAN : aucun changement."),
        5000,
        ["dcgan", "dcgan" + PYTORCH],
        [
            Claim(
                said("it changes nothing for DCGAN", "elle ne change rien pour DCGAN"),
                "fd_probe", "dcgan", SAME, "dcgan" + PYTORCH,
            )
        ],
        "toons",
    ),
    "abegan": Experiment(
        said("ABEGAN", "ABEGAN"),
        said(
            "All images are of one character at the end, yet differ. To keep k above 0 seems no good idea; a longer "
            "test is needed.",
            "Un seul personnage à la fin, en images différentes. Forcer k au-dessus de 0 ne semble pas une bonne idée, "
            "un test plus long est nécessaire.",
        ),
        10000,
        ["abegan", "abegan_k0"],
        [
            Claim(
                said("one character at its best", "un seul personnage au mieux"),
                "effective_characters", "abegan", SAME, bound=1.0,
            ),
            Claim(
                said("one character at the end", "un seul personnage à la fin"),
                "last effective_characters", "abegan", SAME, bound=1.0,
            ),
            Claim(
                said("its images differ at its best", "ses images diffèrent au mieux"),
                "diversity", "abegan", MORE, bound=0.5,
            ),
            Claim(
                said("its images differ at the end", "ses images diffèrent à la fin"),
                "last diversity", "abegan", MORE, bound=0.5,
            ),
            worse(
                "abegan", "abegan_k0",
                "k kept above 0 is no good idea", "forcer k au-dessus de 0 n'est pas une bonne idée",
            ),
        ],
    ),
    "relu": Experiment(
        said("ReLU", "ReLU"),
        said(
            "Collapses at once, so ELU seems to delay it.",
            "Un effondrement immédiat, donc ELU semble le retarder.",
        ),
        8000,
        ["began", "began_relu"],
        [
            Claim(
                said("with ELU it draws for longer", "avec ELU il dessine plus longtemps"),
                "drawing", "began", MORE, "began_relu",
            )
        ],
    ),
    "sabegan": Experiment(
        said("SABEGAN", "SABEGAN"),
        said("The notes end here, without a result.", "Les notes s'arrêtent ici, sans résultat."),
        8000,
        ["sabegan_seed", "sabegan"],
        [
            Claim(
                said("it ends flat with the notes' loss", "ses images finissent unies avec la perte des notes"),
                "last diversity", "sabegan_seed", LESS, bound=0.1,
            ),
            Claim(
                said("and not with the repaired one", "mais pas avec la perte corrigée"),
                "last diversity", "sabegan", MORE, bound=0.5,
            ),
            Claim(
                said("it draws for longer with that", "il dessine plus longtemps avec celle-ci"),
                "drawing", "sabegan", MORE, "sabegan_seed",
            ),
        ],
    ),
    "gamma": Experiment(
        said("gamma", "gamma"),
        said("To try next: a low gamma against mode collapse.", "À essayer : un gamma bas contre l'effondrement."),
        8000,
        ["began", *(f"began+gamma={gamma}" for gamma in (*LOW, *HIGH))],
        [
            *(
                Claim(
                    said(
                        f"with gamma {gamma} it draws for longer than with 0.7",
                        f"avec gamma = {gamma} il dessine plus longtemps qu'avec 0,7".replace("0.", "0,"),
                    ),
                    "drawing", f"began+gamma={gamma}", MORE, "began",
                )
                for gamma in (*LOW, *HIGH)
            ),
            *(
                worse(
                    f"began+gamma={gamma}", "began",
                    f"with gamma {gamma} its best is worse than with 0.7",
                    f"avec gamma = {gamma} il est moins bon au mieux qu'avec 0,7".replace("0.", "0,"),
                )
                for gamma in (*LOW, *HIGH)
            ),
        ],
    ),
    "decay": Experiment(
        said("the decay of the learning rates", "baisse des taux d'apprentissage"),
        said(
            "BEGAN's fall to 0.9 of themselves where M stalls, looked at a hundred times in a training.",
            "Ceux de BEGAN baissent à 0,9 fois leur valeur quand M stagne, ce qui est regardé cent fois par essai.",
        ),
        8000,
        [AT_STALLS, "began+plateau_every=0", IN_STEPS],
        [
            Claim(
                said(
                    "to lower them where M stalls is better than not to",
                    "mieux vaut les baisser quand M stagne que ne pas les baisser",
                ),
                "fd_probe", AT_STALLS, LESS, "began+plateau_every=0",
            ),
            Claim(
                said("and it draws for longer", "et il dessine plus longtemps"),
                "drawing", AT_STALLS, MORE, "began+plateau_every=0",
            ),
            Claim(
                said(
                    "it is better than to lower them nine times in any case",
                    "c'est mieux que de les baisser neuf fois dans tous les cas",
                ),
                "fd_probe", AT_STALLS, LESS, IN_STEPS,
            ),
        ],
    ),
    "dcgan": Experiment(
        said("DCGAN's settings", "réglages de DCGAN"),
        said(
            "Not in these notes; its author found transposed convolutions best.",
            "Pas dans ces notes ; leur auteur a trouvé les convolutions transposées meilleures.",
        ),
        5000,
        ["dcgan", *(f"dcgan+{variant}" for variant in DCGAN_VARIANTS), "dcgan+upsampling=transposed"],
        [
            *(worse(f"dcgan+{variant}", "dcgan", *text.values()) for variant, text in DCGAN_VARIANTS.items()),
            worse(
                "dcgan", "dcgan+upsampling=transposed",
                "upsampling is worse than transposed convolutions",
                "le suréchantillonnage est moins bon que des convolutions transposées",
            ),
        ],
        "toons",
    ),
}  # fmt: skip


def falling(tested: Experiment) -> Experiment:
    """The same with learning rates that fall as often as the notes' could."""
    own = lambda system: system and f"{system}+plateau_every={tested.steps // LOOKS}"
    title = said(f"{tested.title['en']}, rates falling", f"{tested.title['fr']}, taux en baisse")
    claims = [claim._replace(system=own(claim.system), other=own(claim.other)) for claim in tested.claims]
    return tested._replace(title=title, systems=list(map(own, tested.systems)), claims=claims)


EXPERIMENTS |= {f"{name}_falling": falling(EXPERIMENTS[name]) for name in ("init", "abegan", "relu", "gamma")}
