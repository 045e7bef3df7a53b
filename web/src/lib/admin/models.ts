// Models as people choose among them: one row for each, whatever service has it.

import type { Seeing, StationModel } from '$lib/api/house';

export type Task = 'clip' | 'facial-recognition' | 'ocr';
export type Step = Seeing['steps'][number];

/** What each step asks for: its task, and where the settings name its model. */
export const ASKED = {
	embedding: { task: 'clip', path: 'machineLearning.clip.modelName', queue: 'smartSearch' },
	faces: { task: 'facial-recognition', path: 'machineLearning.facialRecognition.modelName', queue: 'faceDetection' },
	text: { task: 'ocr', path: 'machineLearning.ocr.modelName', queue: 'ocr' }
} as const satisfies Record<Step['step'], { task: Task; path: string; queue: string }>;

/** What is most worth telling when services differ: something moves, something works, something is wrong. */
const WORTH: StationModel['state'][] = ['fetching', 'present', 'partial', 'failed', 'missing'];

/** Each model once, in the order of the first service; what can be chosen anywhere can be chosen. */
export function merged(stations: Seeing['stations']): StationModel[] {
	const found = new Map<string, StationModel>();
	for (const model of stations.flatMap((station) => station.about?.models ?? [])) {
		const key = `${model.task}/${model.name}`;
		const known = found.get(key);
		if (!known) found.set(key, model);
		else {
			const [better, other] = WORTH.indexOf(model.state) < WORTH.indexOf(known.state) ? [model, known] : [known, model];
			found.set(key, { ...better, canFetch: known.canFetch || model.canFetch, runs: [...better.runs, ...other.runs] });
		}
	}
	return [...found.values()];
}

/** Whether it would work once it is chosen. */
export const isChoosable = (model: StationModel): boolean => model.state === 'present' || model.canFetch;

/** Bytes on disk, or what is known of what it will take; null when nobody knows. */
export function sizeOf(model: StationModel): number | null {
	return (model.state === 'present' ? model.sizeBytes : model.totalBytes || model.expectedBytes) || null;
}

/** From 0 to 1; null while nobody knows how much there is. */
export function share(done: number, total: number): number | null {
	return total > 0 ? Math.min(1, done / total) : null;
}

const PROVIDERS: Record<string, string> = { cpu: 'CPU', cuda: 'CUDA', tensorrt: 'TensorRT', openvino: 'OpenVINO', coreml: 'Core ML', rocm: 'ROCm', migraphx: 'MIGraphX' };

/** "CPU · int8": what computes, and with which numbers; several when its halves differ. */
export function runsOn(model: StationModel): string {
	const told = model.runs
		.filter((run) => run.provider)
		.map((run) => [...run.provider.split('+').map((each) => PROVIDERS[each] ?? each), run.precision].filter(Boolean).join(' · '));
	return [...new Set(told)].join(', ');
}

/** What the self-test of fewer bits said of the halves that were tried. */
export function trials(model: StationModel): { isPassed: boolean; cosine: number; reason: string }[] {
	return model.parts.flatMap((part) => (part.trial ? [part.trial] : []));
}

/** How often to look: often while something moves. */
export function pauseMs(seeing: Seeing | null): number {
	if (!seeing) return 5_000;
	const isMoving = seeing.stations.some((station) => !station.isReachable || station.about?.models.some((model) => model.state === 'fetching'));
	const isBusy = seeing.steps.some((step) => (step.waiting ?? 0) + (step.active ?? 0) > 0);
	return isMoving || isBusy ? 3_000 : 12_000;
}
