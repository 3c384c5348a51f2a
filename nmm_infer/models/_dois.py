"""Where the literature of the models is found: reference → digital object identifier."""

_DOIS = {
    "Alstott et al. 2009": "10.1371/journal.pcbi.1000408",
    "Baldy, Woodman, Jirsa, Hashemi 2025": "10.1098/rsif.2024.0880",
    "Benda & Herz 2003": "10.1162/089976603322385063",
    "Breakspear, Terry, Friston 2003": "10.1088/0954-898X_14_4_305",
    "Cabral, Hugues, Sporns, Deco 2011": "10.1016/j.neuroimage.2011.04.010",
    "Chaudhuri, Knoblauch, Gariel, Kennedy, Wang 2015": "10.1016/j.neuron.2015.09.008",
    "Coombes & Byrne 2019": "10.1007/978-3-319-71048-8_1",
    "David, Kiebel, Harrison, Mattout, Kilner, Friston 2006": "10.1016/j.neuroimage.2005.10.045",
    "Deco et al. 2013": "10.1523/JNEUROSCI.1091-13.2013",
    "Deco et al. 2014": "10.1523/JNEUROSCI.5068-13.2014",
    "Deco, Kringelbach, Jirsa, Ritter 2017": "10.1038/s41598-017-03073-5",
    "Dumont & Gutkin 2019": "10.1371/journal.pcbi.1007019",
    "Effenberger, Carvalho, Dubinin, Singer 2025": "10.1073/pnas.2412830122",
    "FitzHugh 1961": "10.1016/S0006-3495(61)86902-6",
    "Gast, Schmidt, Knösche 2020": "10.1162/neco_a_01300",
    "Gilson, Moreno-Bote, Ponce-Alvarez, Ritter, Deco 2016": "10.1371/journal.pcbi.1004762",
    "Grimbert & Faugeras 2006": "10.1162/neco.2006.18.12.3052",
    "Hashemi et al. 2020": "10.1016/j.neuroimage.2020.116839",
    "Jansen & Rit 1995": "10.1007/BF00199471",
    "Jirsa, Stacey, Quilichini, Ivanov, Bernard 2014": "10.1093/brain/awu133",
    "Kostova, Ravindran, Schonbek 2004": "10.1142/S0218127404009685",
    "Kuramoto 1975": "10.1007/BFb0013365",
    "Kuramoto 1984": "10.1007/978-3-642-69689-3",
    "Larter, Speelman, Worth 1999": "10.1063/1.166453",
    "Levenstein, Buzsáki, Rinzel 2019": "10.1038/s41467-019-10327-5",
    "Litwin-Kumar, Rosenbaum, Doiron 2016": "10.1152/jn.00732.2015",
    "Lorenz 1963": "10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2",
    "Montbrió, Pazó, Roxin 2015": "10.1103/PhysRevX.5.021028",
    "Moran et al. 2007": "10.1016/j.neuroimage.2007.05.032",
    "Pfeffer, Xue, He, Huang, Scanziani 2013": "10.1038/nn.3446",
    "Proix, Bartolomei, Chauvel, Bernard, Jirsa 2014": "10.1523/JNEUROSCI.1640-14.2014",
    "Sanz-Leon, Knock, Spiegler, Jirsa 2015": "10.1016/j.neuroimage.2015.01.002",
    "Wilson & Cowan 1972": "10.1016/S0006-3495(72)86068-5",
    "Wong & Wang 2006": "10.1523/JNEUROSCI.3733-05.2006",
    "Zerlaut, Chemla, Chavane, Destexhe 2018": "10.1007/s10827-017-0668-2",
    "di Volo, Romagnoni, Capone, Destexhe 2019": "10.1162/neco_a_01173",
    "van der Pol 1926": "10.1080/14786442608564127",
}


def doi_of(reference: str) -> str:
    """The identifier of what is cited in a model's `references`, by its authors and year; "" where none is
    known.
    """
    return next((doi for cited, doi in _DOIS.items() if reference.startswith(cited)), "")
