// Pictures with something in them to be seen: drawn by the same hand as for the server's own tests.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const DRAW = `
import base64, json
from PIL import Image, ImageDraw, ImageFont
from tests.drawn import jpeg, scene_picture, shape_picture
from tests.drawn_faces import HELD_OUT, person, portrait

sign = Image.new("RGB", (900, 600), (238, 234, 222))
ImageDraw.Draw(sign).text((90, 230), "HARBOUR MUSEUM", fill=(20, 24, 60), font=ImageFont.load_default(84))
forest = scene_picture("forest", seed=4, size=(1000, 750))
drawn = {
    "IMG_0001.jpg": shape_picture("red", "circle", seed=1),
    "IMG_0002.jpg": shape_picture("blue", "square", "yellow", seed=2),
    "IMG_0003.jpg": shape_picture("green", "star", seed=3),
    "IMG_0004.jpg": sign,
    "forest.jpg": forest,
    "forest small.jpg": forest.resize((600, 450)),
}
drawn |= {f"guest {who} {shot}.jpg": portrait(person(HELD_OUT + who), seed=who * 10 + shot)[0] for who in (0, 2) for shot in range(3)}
print(json.dumps({name: base64.b64encode(jpeg(picture)).decode() for name, picture in drawn.items()}))
`;

/** File name → JPEG. */
export function drawn(): Map<string, Buffer> {
	const told = execFileSync(join(root, '.venv/bin/python'), ['-c', DRAW], { cwd: root, maxBuffer: 64 << 20, env: { ...process.env, PYTHONPATH: root } });
	const pictures = JSON.parse(told.toString()) as Record<string, string>;
	return new Map(Object.entries(pictures).map(([name, base64]) => [name, Buffer.from(base64, 'base64')]));
}
