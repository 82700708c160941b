from typing import Literal

import pydantic

from clu.model import Model


class Camera(pydantic.BaseModel):
    temperature: float
    filter: Literal["red", "green", "blue"]


model = Model("camera", Camera)
print(model.validate({"temperature": -20.5}))
print(model.validate({"filter": "purple"})[1].message)
