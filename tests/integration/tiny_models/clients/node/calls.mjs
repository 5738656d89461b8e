// How a client's script reports its calls: a JSON line each, on standard output (see ../python/calls.py).

const stack = JSON.parse(process.argv[2]);
export const URL_ = stack.url;
export const TEXTS = stack.texts;

export async function call(name, gives, of, make) {
  let report;
  try {
    report = { answer: await make() };
  } catch (error) {
    report = { raised: `${error.name}: ${error.message}` };
  }
  console.log(JSON.stringify({ call: name, gives, of, ...report }));
}

export async function refused(name, by, says, make) {
  let report;
  try {
    report = { raised: `nothing: ${JSON.stringify(await make())}` };
  } catch (error) {
    const right = error.constructor.name === by && says.test(error.message);
    report = right ? { answer: by } : { raised: `${error.constructor.name}: ${error.message}` };
  }
  console.log(JSON.stringify({ call: name, gives: "refusal", of: null, ...report }));
}
