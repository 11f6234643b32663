/** A process of its own that downloads: `child.ts CACHE_DIR REFERENCE`, with the hub in its environment. Prints the path. */
import { openHubFiles } from "../../../../src/data/hub/hub-files.ts";

const [cacheDir, reference] = process.argv.slice(2);
const [file] = await openHubFiles("data.source.train", reference!, { baseDir: ".", cacheDir: cacheDir! });
process.stdout.write(await file!.local());
