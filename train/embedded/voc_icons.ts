/** The drawings of one VOC class and the words that describe it. */
export interface ClassIcons {
  /** Captions that hold for every drawing of the class; the first is the name as VOC spells it. */
  names: readonly string[];
  /** Icon name (the same in every emoji set) to captions that hold for this drawing only. */
  icons: Readonly<Record<string, readonly string[]>>;
}

/** The 20 classes of Pascal VOC in their usual order, each with the icons that stand for it. */
export const vocIcons: Readonly<Record<string, ClassIcons>> = {
  aeroplane: {
    names: ['aeroplane', 'airplane', 'plane', 'aircraft'],
    icons: {
      airplane: ['jet'],
      'small-airplane': ['propeller plane'],
      'airplane-departure': ['plane taking off'],
      'airplane-arrival': ['plane landing'],
    },
  },
  bicycle: { names: ['bicycle', 'bike', 'cycle', 'push bike'], icons: { bicycle: [] } },
  bird: {
    names: ['bird'],
    icons: {
      bird: ['songbird'],
      eagle: ['bird of prey'],
      duck: ['mallard'],
      parrot: ['macaw'],
      dove: ['pigeon', 'white bird'],
      'baby-chick': ['chick', 'yellow bird'],
      swan: ['white bird'],
      flamingo: ['pink bird'],
      turkey: ['turkey bird'],
      rooster: ['cockerel'],
      goose: ['gander'],
      'black-bird': ['crow', 'raven'],
    },
  },
  boat: {
    names: ['boat', 'vessel', 'watercraft'],
    icons: {
      sailboat: ['sailing boat', 'yacht'],
      ship: ['cruise ship'],
      'motor-boat': ['cabin cruiser'],
      speedboat: ['fast boat'],
      ferry: ['ferry boat'],
      canoe: ['rowing boat', 'kayak'],
      'passenger-ship': ['ocean liner', 'ship'],
    },
  },
  bottle: {
    names: ['bottle'],
    icons: {
      'baby-bottle': ['milk bottle'],
      'bottle-with-popping-cork': ['champagne bottle', 'wine bottle'],
      'lotion-bottle': ['soap bottle', 'shampoo'],
      sake: ['sake bottle'],
    },
  },
  bus: {
    names: ['bus', 'coach', 'omnibus'],
    icons: {
      bus: ['city bus'],
      'oncoming-bus': ['front of a bus'],
      trolleybus: ['electric bus'],
      minibus: ['van'],
    },
  },
  car: {
    names: ['car', 'motor car'],
    icons: {
      automobile: ['red car'],
      'oncoming-automobile': ['front of a car'],
      taxi: ['cab', 'yellow car'],
      'oncoming-taxi': ['cab'],
      'sport-utility-vehicle': ['suv', 'blue car'],
      'racing-car': ['race car'],
      'police-car': ['patrol car'],
      'oncoming-police-car': ['patrol car'],
    },
  },
  cat: {
    names: ['cat', 'kitty', 'feline'],
    icons: { cat: ['house cat'], 'cat-face': ['kitten'], 'black-cat': ['black kitty'] },
  },
  chair: { names: ['chair', 'seat'], icons: { chair: ['wooden chair'], seat: ['armchair'] } },
  cow: {
    names: ['cow', 'cattle'],
    icons: { cow: ['dairy cow'], 'cow-face': ['calf'], ox: ['bull'] },
  },
  diningtable: {
    names: ['diningtable', 'dining table', 'table', 'kitchen table'],
    icons: {
      'wooden-table': ['wood table'],
      'round-table': ['cafe table'],
      'cloth-table': ['tablecloth'],
      'glass-table': ['modern table'],
      'pedestal-table': ['bistro table'],
      'laid-table': ['set table', 'table with plates'],
    },
  },
  dog: {
    names: ['dog', 'hound', 'canine'],
    icons: {
      dog: ['pet dog'],
      'dog-face': ['puppy'],
      poodle: ['fluffy dog'],
      'guide-dog': ['labrador'],
      'service-dog': ['working dog'],
    },
  },
  horse: {
    names: ['horse', 'pony'],
    icons: { horse: ['stallion', 'galloping horse'], 'horse-face': ['head of a horse'] },
  },
  motorbike: {
    names: ['motorbike', 'motor cycle', 'motorcycle'],
    icons: { motorcycle: ['racing motorbike'], 'motor-scooter': ['scooter', 'moped'] },
  },
  person: {
    names: ['person', 'human', 'people'],
    icons: {
      person: ['adult'],
      man: ['gentleman'],
      woman: ['lady'],
      boy: ['young boy'],
      girl: ['young girl'],
      child: ['kid'],
      'person-standing': ['someone standing'],
      'man-standing': ['man'],
      'woman-standing': ['woman'],
      'person-walking': ['pedestrian'],
    },
  },
  pottedplant: {
    names: ['pottedplant', 'potted plant', 'plant', 'house plant'],
    icons: { 'potted-plant': ['plant in a pot'], cactus: ['desert plant'], seedling: ['sprout'] },
  },
  sheep: {
    names: ['sheep', 'lamb', 'woolly animal'],
    icons: { ewe: ['female sheep'], ram: ['horned sheep'] },
  },
  sofa: {
    names: ['sofa', 'couch', 'settee'],
    icons: { 'couch-and-lamp': ['sofa and lamp'] },
  },
  train: {
    names: ['train', 'railway train'],
    icons: {
      train: ['commuter train'],
      locomotive: ['steam engine'],
      'bullet-train': ['fast train'],
      'high-speed-train': ['express train'],
      tram: ['streetcar'],
      metro: ['subway', 'underground train'],
      'light-rail': ['city train'],
      'railway-car': ['railway carriage'],
      'tram-car': ['tram'],
      'mountain-railway': ['mountain train'],
      station: ['train station'],
      monorail: ['monorail train'],
    },
  },
  tvmonitor: {
    names: ['tvmonitor', 'tv monitor', 'tv', 'monitor', 'screen'],
    icons: {
      television: ['television set'],
      'desktop-computer': ['computer screen'],
      laptop: ['notebook computer'],
    },
  },
};
