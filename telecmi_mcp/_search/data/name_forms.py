"""Spelling variants and nicknames of given names, and particles of family names.

Sources: the Wikipedia articles "Indian name", "Mohammed (name)" and "Sheikh", and nicknames in common use in India.
English nicknames come from the package `nicknames`: see `fields/synonyms.py`.
"""

_VARIANTS = """
md mohd mohammed mohammad muhammad muhammed mohamed mohamad mohamud mahammad mohammod mehmood
sk sheikh shaikh shaik sheik sekh
kr kumar
st saint
jr junior
sr senior
dr doctor
abdul abdool abd
syed sayed saiyed sayyed sayyid syd
smt shrimati srimati
laxmi lakshmi
im lim rim yim
george jorj jarj jorge
joseph josaph josaf jose
james jems
charles charls
yi lee li rhee ri
bak park pak
gim kim
choe choi
jeong jung chung cheong jong
jo cho joe
yun yoon youn
jang chang
gang kang
seo suh
no noh roh
yu yoo ryu you
o oh
u woo wu
gwon kwon
baek paik paek
heo hur huh
"""
_NICKNAMES = """
abhi: abhishek abhijit abhinav abhay abhiram
adi: aditya adithya aditi
aju: ajay ajith
akki: akshay akash
amu: amudha amrita amutha
anu: anuradha anupama anusha anushka anjali ananya anurag
anju: anjali anjana anjum
appu: aparna apoorva
arun: arunkumar arunachalam
ashu: ashutosh ashish ashwin asha ashwini
babloo: balbir
bala: balasubramanian balasubramaniam balakrishnan balachandran balaji balamurugan
balu: balasubramanian balasubramaniam balakrishnan balachandran
bhanu: bhanumati bhanupriya bhanuprakash
bharti: bharati
bhuvana: bhuvaneswari bhuvaneshwari
bubbly: babli
bunty: bikram
chandra: chandrasekhar chandrasekaran chandrashekar chandrakant chandramohan
chandu: chandrakant chandrasekhar chandrashekhar chandran
chinni: chinmayi
chintu: chintan
debu: debashish debabrata debasis
deepu: deepak deepika deepa dipak
dipu: dipak deepak dipankar
divi: divya
divs: divya
elil: elilarasan elilarasi
ganu: ganesh
gopi: gopinath gopikrishna gopalakrishnan
gopu: gopal gopalakrishnan
guddu: gurdeep
gullu: gulshan
guru: gurumurthy guruprasad gurunath gurpreet
hari: hariharan harish hariprasad harikrishnan
harry: harinder harpreet harish hardeep harjeet
jai: jaikumar jaiprakash jayesh jayanth
jayu: jayanti jayesh jaya
jaggi: jagdish jagjit
jas: jaspreet jasmine jasleen jasvinder
jeet: jitendra jeetendra
jeetu: jitendra jeetendra
jitu: jitendra jitender jitin
jiten: jitendra
jyo: jyothi jyoti
kamal: kamalakannan
karthi: karthikeyan karthik karthick karthiga
kavi: kavita kavitha kaviya
kichu: krishnan krishna
kitty: kritika kirti kirtana
krish: krishna krishnan krishnamurthy krishnakumar
kris: krishna krishnan
kutty: kuttikrishnan
lalit: lalitkumar
lalli: lalitha
lali: lalita lalitha
laxman: lakshmanan
lucky: lakshmi lakshman lakhan
madhu: madhusudan madhusudhan madhavi madhumita madhavan madhuri
mahi: mahendra mahesh mahima
mani: manikandan manimaran manikandhan manish manikam subramani manoj
manu: manoj manish manohar manisha
manny: manoj manish manpreet
meenu: meenakshi meena
meena: meenakshi
minu: minakshi meenakshi
monu: manoj mohan mohit mohnish
montu: manoj
mukku: mukesh
muthu: muthukumar muthusamy muthuswamy muthulakshmi muthukaruppan muthuraman
murali: muralidharan muralidhar muralikrishna
murthi: krishnamurthy murthy
nandu: nandakumar nandini nandan nandakishore
nari: narendra narayanan
naru: narendra narayan
nattu: natarajan
natty: natarajan
neelu: neelam neelima
neetu: neeta neetika
nikki: nikita nikhil nikhita
nik: nikhil nikita niketan
nitu: nitin nita neetu
pari: paridhi parineeti
parthi: parthiban partheepan
paddu: padma padmavathi padmini
pammi: parminder pamela
pappu: pappan
pinky: priyanka
pinki: priyanka
pintu: pritam
pooju: pooja
pooji: pooja
praba: prabakaran prabhakaran
prabhu: prabhakar prabhakaran
prati: pratik pratibha
prem: premkumar premchand
priti: preeti
priya: priyanka priyadarshini
puju: pooja
purni: purnima poornima
pushpi: pushpa
raghu: raghunath raghavendra raghuram raghunathan raghupathi
raj: rajesh rajendra rajkumar rajeev rajan rajagopal
raja: rajaram rajasekaran rajagopal rajendran rajan
rajju: rajesh rajendra raju
raji: rajeswari rajalakshmi rajeshwari rajini
raju: rajesh rajendra rajan rajkumar rajasekhar
ramu: ramesh ramakrishnan ramachandran raman ramaswamy
ranga: rangarajan ranganathan rangaswamy
ravi: ravindra ravichandran ravindran ravikumar ravishankar
rinku: ringku
ritu: ritika rituparna
roh: rohit rohan
ronny: rohan rohit
rohi: rohit rohini
sandy: sandeep sandhya sandip sandesh santosh
sam: samir sameer samuel
sami: samir sameer
sanju: sanjay sanjeev sanjana sanjeevani
sanj: sanjay sanjeev
sanjeev: sanjiv
santhu: santhosh
santu: santosh
satti: satinder
satya: satyanarayan satyanarayana sathyanarayanan satyajit
sekar: rajasekar chandrasekar gunasekaran
selva: selvaraj selvakumar selvam selvi
senthil: senthilkumar senthilnathan
shanu: shanthi shahnawaz shan
shanks: shankar
shashi: shashank shashikant shashikala
shiv: shivkumar shivam shivansh shivaraj
shiva: shivakumar sivakumar sivaraman
siva: sivakumar sivaraman sivasubramanian sivaramakrishnan
shilu: shilpa
shri: shrinivas shrikant shridhar
sid: siddharth siddhartha siddhant sidharth
sidhu: siddharth
sonu: sonali sonal sonam sonia
soni: sonia sonali
somu: somasundaram soman somnath
srini: srinivasan srinivas srinivasa shrinivas
sri: srinivas srinivasan srikanth sridhar sriram sridevi
subbu: subramanian subramaniam subbarao subbulakshmi subbaraman subramani
subhu: subhash subhashini
sudha: sudhakar
sudhi: sudhir sudheer sudhakar
sukhi: sukhwinder sukhdev
sundar: sundararajan sundaram sundaresan
sunny: sunil suneel
surya: suryanarayana suryaprakash
suri: surendra suresh
suru: suresh surendra
swami: swaminathan
swathi: swathika
swapna: swapnali
tanu: tanvi tanuja tanushree tanmay
thambi: thambidurai
thiru: thirumurugan thirunavukkarasu thirumalai tirumurugan
tinku: tinkesh
umi: uma umesh
umesh: umeshchandra
usha: ushadevi
vasu: vasudevan vasudev vasundhara srinivasan
veer: virendra veerendra
veeru: virendra veerendra
venkat: venkatesan venkatesh venkatesh venkataraman venkatesan venkateswarlu venkateswaran venkatachalam venkatram
venky: venkatesh venkatesan venkataraman venkateswarlu venkateswaran venkat
vichu: viswanathan vishwanathan
vicky: vikas vikram vignesh vivek vikrant vikash
vicki: vikas vikram
vikki: vikas vikram
viky: vikas vikram vikash
vidya: vidyasagar vidyalakshmi
vijji: vijayalakshmi vijaya
viji: vijayalakshmi vijaya vijayakumari
vijay: vijayakumar vijaykumar vijayaraghavan
vinu: vinod vinay vineeth vinoth
viru: virendra viraj
vish: vishal vishnu viswanathan vishwanath
vishu: vishal vishnu viswanathan vishwanath
vivek: vivekanand vivekananda vivekanandan
yashu: yashwant yashoda
yogi: yogesh yogendra yogeshwari
"""
NAME_VARIANTS: dict[str, frozenset[str]] = {}
"""Other spellings of the same name or part of a name, by spelling."""
for _line in _VARIANTS.strip().splitlines():
    _group = frozenset(_line.split())
    for _name in _group:
        NAME_VARIANTS[_name] = NAME_VARIANTS.get(_name, frozenset()) | (_group - {_name})

NICKNAMES: dict[str, frozenset[str]] = {}
"""Full names by Indian nickname, and nicknames by full name."""
for _line in _NICKNAMES.strip().splitlines():
    _short, _, _long = _line.partition(":")
    NICKNAMES[_short] = NICKNAMES.get(_short, frozenset()) | frozenset(_long.split())
    for _name in _long.split():
        NICKNAMES[_name] = NICKNAMES.get(_name, frozenset()) | {_short}

_PARTICLES = """
al el ul ur bin bint ibn de del della der des du la le los mac mc van vande vander von vom zu zur
"""
PARTICLES = frozenset(_PARTICLES.split())
"""Particles of family names, which may be omitted or joined to the next word."""
PARTICLE_PREFIXES = (
    "vander",
    "vande",
    "delos",
    "dela",
    "della",
    "mac",
    "van",
    "von",
    "del",
    "mc",
    "al",
    "el",
    "de",
    "di",
    "da",
    "du",
    "la",
    "le",
    "o",
    "d",
)
"""Particles that may be a prefix of a name, the longest first."""
