"""Short names of companies that are not the initials of the full name.

Sources: the companies' articles on Wikipedia, and the symbols of the National Stock Exchange of India.
"""

_SHORT_NAMES = """
cts: cognizant
hul: hindustan unilever
hll: hindustan unilever
bel: bharat electronics
bhel: bharat heavy electricals
bpcl: bharat petroleum
hpcl: hindustan petroleum
iocl: indian oil
ongc: oil natural gas
gail: gas authority india
sail: steel authority india
hal: hindustan aeronautics
msil: maruti suzuki
maruti: maruti suzuki
techm: tech mahindra
infy: infosys
tcs: tata consultancy services
tisco: tata steel
telco: tata motors
ril: reliance industries
rjio: reliance jio
hdfc: housing development finance
lt: larsen toubro
lnt: larsen toubro
koel: kirloskar oil engines
tkm: toyota kirloskar motor
stfc: shriram transport finance
irctc: indian railway catering tourism
drdo: defence research development organisation
isro: indian space research organisation
aiims: all india institute medical sciences
iitm: indian institute technology madras
iitb: indian institute technology bombay
iitd: indian institute technology delhi
cmc: christian medical college
bsnl: bharat sanchar nigam
mtnl: mahanagar telephone nigam
best: brihanmumbai electric supply transport
tangedco: tamil nadu generation distribution
tneb: tamil nadu generation distribution
nse: national stock exchange
bse: bombay stock exchange
nabard: national bank agriculture rural development
sbi: state bank india
pnb: punjab national bank
bob: bank baroda
bbb: bed bath beyond
gb: godrej boyce
jnj: johnson johnson
pwc: pricewaterhousecoopers
pwc: price waterhouse coopers
ey: ernst young
deloitte: deloitte touche tohmatsu
mck: mckinsey
ge: general electric
gm: general motors
ibm: international business machines
hp: hewlett packard
hpe: hewlett packard enterprise
pg: procter gamble
mands: marks spencer
hm: hennes mauritz
vw: volkswagen
bmw: bayerische motoren werke
mhi: mitsubishi heavy industries
asianpaints: asian paints
socgen: societe generale
sg: societe generale
a2b: adyar ananda bhavan
aab: adyar ananda bhavan
paytm: one97 communications
one97: paytm
swiggy: bundl technologies
zomato: eternal
ola: ani technologies
meta: facebook
google: alphabet
fb: facebook
ms: microsoft
msft: microsoft
amzn: amazon
lic: life insurance corporation
ntpc: national thermal power corporation
pgcil: power grid
cil: coal india
nlc: neyveli lignite
apl: apollo
jsw: jindal south west
jspl: jindal steel power
rinl: rashtriya ispat nigam
nalco: national aluminium
bdl: bharat dynamics
beml: bharat earth movers
hmt: hindustan machine tools
itc: imperial tobacco
tvs: tv sundaram
al: ashok leyland
"""
COMPANY_SHORT_NAMES: dict[str, tuple[frozenset[str], ...]] = {}
"""Sets of words of the full name, by short name. A full name matches if it has all words of one set."""
for _line in _SHORT_NAMES.strip().splitlines():
    _short, _, _long = _line.partition(":")
    COMPANY_SHORT_NAMES[_short] = (*COMPANY_SHORT_NAMES.get(_short, ()), frozenset(_long.split()))
