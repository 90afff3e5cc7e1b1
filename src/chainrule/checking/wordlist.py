"""Words for weights, inputs, steps and the like in German, Spanish, French and Portuguese."""

from __future__ import annotations

WEIGHTS = r"gewichte?|gew|pesos?|poids"
BIASES = r"schwellen?|schwellwerte?|sesgos?|umbral(?:es)?|biais|seuils?|vies(?:es)?|limiar(?:es)?"
ROLES = {
    "x": r"eingaben?|eingang|merkmale|daten|entradas?|datos|entrees?|donnees|dados|ejemplos?"
    r"|exemples?|exemplos?|caracteristicas?",
    "y": r"soll(werte?)?|ziele?|zielwerte?|zielausgabe|objetivos?|etiquetas?|esperad[oa]s?"
    r"|salidas?(esperadas?|deseadas?)|cibles?|attendus?|sorties?attendues?|alvos?|rotulos?"
    r"|saidas?(esperadas?|desejadas?)",
    "params": r"parametros?|parametern?|parametres?|netz|netzwerk|red|reseau|rede|modell?|modele"
    r"|modelo",
    "rate": r"lernrate|schrittweite|tasa(de)?(aprendizaje)?|taux(dapprentissage|apprentissage)?"
    r"|taxa(de)?(aprendizado|aprendizagem)?|pas",
    "epochs": r"(n|num)?(epochen|epocas|epoques|durchlaeufe|durchlaufe|iterationen|iteraciones"
    r"|iteracoes)",
    "sizes": r"schichten|capas|couches|camadas",
    "n_in": r"n(um)?(eingaben?|entradas?|entrees?)",
    "n_hidden": r"n(um)?(versteckte?|verborgene?|ocultas?|ocultos?|cachees?|caches|escondidas?)",
    "n_out": r"n(um)?(ausgaben?|salidas?|sorties?|saidas?)",
    "loss": r"kosten|verlust|costes?|costos?|perdidas?|pertes?|couts?|custos?|perdas?",
    "cache": r"zwischenwerte|intermedios?|intermediaires?|speicher",
}
FORWARD = (
    r"vorwaerts\w*|vorwarts\w*|vorhersag\w*|(hacia)?adelante|propagar\w*|predecir|prediccion"
    r"|avant|propagation\w*avant|(pour|para|pra)?frente|propaga(cao)?\w*frente|prever|predire"
)
BACKWARD = r"rueckwa|ruckwa|ruckprop|rueckprop|atras|retro|arriere|paratras|gradien|ableiten"
TRAINING = r"entren|entrain|trainier|lern|apprend|aprend|trein|ajust|actuali|atuali|schritt|paso"
NETWORKS = r"netz|red(?=n|$)|reseau|rede|modelo?"
