// Shows the keywords of the actor "weather", and sends it commands, through `clu websocket`.
const ACTOR = "weather";
const RETRY = 2000; // milliseconds

const bridge = new URLSearchParams(location.search).get("bridge") ?? "ws://localhost:9876";
const show = (id, text) => { document.getElementById(id).textContent = text; };
const sent = new Set();
let socket;

function connect() {
  socket = new WebSocket(bridge);
  socket.onopen = () => show("connection", "connected");
  socket.onclose = () => {
    show("connection", "not connected");
    sent.clear();
    setTimeout(connect, RETRY);
  };
  socket.onmessage = (event) => take(JSON.parse(event.data));
}

function take({ headers, body }) {
  if (headers.message_code === "f" && sent.has(headers.command_id)) show("error", body.error);
  if (":f".includes(headers.message_code)) sent.delete(headers.command_id);
  if (headers.sender !== ACTOR) return;
  for (const id of ["temperature", "wind", "dome"]) if (id in body) show(id, body[id]);
}

function send(command) {
  show("error", "");
  if (socket.readyState !== WebSocket.OPEN) return show("error", "There is no connection.");
  const id = `${Date.now()}-${Math.random()}`;
  sent.add(id);
  socket.send(JSON.stringify({ consumer: ACTOR, command_string: command, command_id: id }));
}

for (const button of document.querySelectorAll("button"))
  button.onclick = () => send(button.dataset.command);
connect();
