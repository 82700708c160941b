from clu.sync import Client

with Client("amqp://guest:guest@localhost:5672/", timeout=60) as clu:
    camera = clu.actor("camera")
    print(camera.expose(0.1, flavour="bias").get("filename"))
